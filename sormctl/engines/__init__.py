"""How text is generated and scored: one asynchronous interface, four engines."""
