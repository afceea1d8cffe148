"""Messages and webhooks over REST."""
