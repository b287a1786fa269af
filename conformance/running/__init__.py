"""One case on one implementation -> one outcome; start at :mod:`conformance.running.execute`."""
