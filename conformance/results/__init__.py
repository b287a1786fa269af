"""The results file: its form, writing it as outcomes come, reading it back, counting it."""
