"""Do the tests notice when the code is wrong? Small faults put into a sample of it, one at a time."""
