"""The broker port on Apache Kafka: one topic each, keys in partitions, a group per reader.

Only who uses Kafka imports its client: `options` and `access` do without.
"""
