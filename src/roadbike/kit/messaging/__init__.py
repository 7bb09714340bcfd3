"""Events between services.

The path of an event:

1. `outbox`: a use case publishes the event; its row is committed with the change that it reports.
2. `relay`: the holder of the service's lease sends unsent rows to the broker and notes `sent_at`.
3. `broker`: keeps the messages of a topic in order and delivers them to every group (service) at
   least once; `port` is the contract, `nats` and `memory` implement it.
4. `inbox`: the consuming service notes the event id and runs the use case in one transaction, so
   that a repeated delivery has no effect.
   `refused`: a message that is not from the only publisher of its event is counted and dropped.
5. `parked`: a message whose use case failed waits here for its retry, and the later messages of
   its key behind it; after the last attempt it is a dead letter (`dead_letters`).

`catching_up` finds out that a service is behind, and when it has consumed what it had missed.
`pace` slows the background work of 2 and 4 down, so that user requests get the CPU.
"""
