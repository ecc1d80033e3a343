from .configs import GPTQConfig as GPTQConfig
