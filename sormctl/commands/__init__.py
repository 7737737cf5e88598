"""One file a subcommand: its options, and what it calls below."""
