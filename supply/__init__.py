"""What the program stands on: exact versions (``requirements.lock``) and licences (``THIRD_PARTY.md``).

``python -m supply`` (``make lock``) writes both from what is installed.
"""
