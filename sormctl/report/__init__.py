"""Tables, records and runs for people: in the terminal, and as a page to look at."""
