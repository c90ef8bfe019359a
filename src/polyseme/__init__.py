"""polyseme: what is each way of pre-training word representations worth, and at which price?"""

__version__ = "0.1.0"
