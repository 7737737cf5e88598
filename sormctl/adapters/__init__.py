"""How reward models that others trained are read: adapters, which are data (TOML), and no code."""
