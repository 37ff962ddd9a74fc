"""Everything that a running sandbox remembers."""

from sandbox.authorizations import Authorizations
from sandbox.clock import Clock
from sandbox.config import SandboxConfig
from sandbox.directory import Directory
from sandbox.faults import Faults
from sandbox.log import Log
from sandbox.messaging import Conversations, Outbox
from sandbox.received_events import ReceivedEvents
from sandbox.sample_conversations import add_sample_conversations
from sandbox.sample_users import sample_users
from sandbox.settings import initial_settings
from sandbox.tokens import Tokens


class World:
    """The whole state, all of it in memory. :meth:`reset` begins anew."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Forget everything that happened and start as at first."""
        self.clock = Clock()
        self.settings = initial_settings(self.config)
        self.directory = Directory(sample_users(), self.config.registered_apps())
        self.authorizations = Authorizations(self.clock)
        self.tokens = Tokens(self.clock)
        self.faults = Faults()
        self.log = Log(self.clock)
        self.outbox = Outbox(self.clock)
        self.received_events = ReceivedEvents(self.clock)
        self.conversations = Conversations(self.clock)
        add_sample_conversations(self.conversations, now=self.clock.now())
