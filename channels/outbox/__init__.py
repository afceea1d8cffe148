"""The one door out: `enqueue` asks, `revoke` takes back, the rounds deliver.

The three transactions of a message, each short, none with the network in it:
  claims      due → claimed, under a lease; then it is rendered, outside any transaction
  handover    everything is checked again under the locks → handing_off, committed durably
  wire        per message: a start mark, the network call; the outcome goes with the next mark
  settlement  outcomes become states, attempts and events, a batch at a time
  reaper      leases that ran out: what was not started is due again, what was is `unknown`
"""

from channels.outbox.planning import Planned, enqueue
from channels.outbox.revocation import resume, revoke

__all__ = ["Planned", "enqueue", "resume", "revoke"]
