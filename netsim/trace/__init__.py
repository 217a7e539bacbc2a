"""What we write down: schedules as one line of text, documents as JSON."""
