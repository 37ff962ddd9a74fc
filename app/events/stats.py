"""What a process has delivered, in plain numbers for whoever publishes them."""

from collections import Counter

from app.events.receiver import Result
from app.models.event import Backlog


class DeliveryStats:
    """`attempts` and `given_up` since the start; `backlog` is all processes', seconds old."""

    def __init__(self) -> None:
        self.attempts: Counter[Result] = Counter()
        self.given_up = 0
        self.backlog = Backlog()
