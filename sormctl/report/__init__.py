"""Tables and records for people, in the terminal."""
