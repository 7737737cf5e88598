"""The engine on vLLM, in this process."""
