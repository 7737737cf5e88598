"""Other tools' data as records."""
