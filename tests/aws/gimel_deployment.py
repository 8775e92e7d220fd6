"""Deploys the real Gimel, with its own code, from the config.json in the working directory."""
import gimel.deploy

gimel.deploy.run()
