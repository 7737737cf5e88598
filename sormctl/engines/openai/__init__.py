"""The engine on servers that speak OpenAI's protocol."""
