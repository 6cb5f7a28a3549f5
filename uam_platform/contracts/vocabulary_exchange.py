"""The vocabulary's words on signals that other tools send.

Here: columns of the table in `tables_exchange`. Not here: the envelope they come in (`exchange`), words that tables of several rooms
share (`vocabulary`, which also joins these to the whole).
"""

from uam_platform.contracts.model import Column, Pii, Purpose, Type

_S, _F = Type.STRING, Type.FLOAT64

EXCHANGE_COLUMNS: tuple[Column, ...] = (
    Column("signal_id", _S, "A signal: its sender and the id that the sender gave it.", purpose=Purpose.COMPLIANCE),
    Column("sender", _S, "Tool that sent the signal, by the name of its secret.", purpose=Purpose.COMPLIANCE),
    Column("signal_name", _S, "What the signal is called by its sender."),
    Column("signal_value", _F, "Number that the sender gives with it; its meaning is the sender's."),
    Column(
        "signal_confidence_ratio",
        _F,
        "How sure the sender says it is, by its own measure.",
        "ratio",
        minimum=0,
        maximum=1,
    ),
    Column("signal_url", _S, "Where the sender shows it, without secrets.", pii=Pii.PERSONAL),
    Column("signal_text", _S, "The sender's words, redacted before they were stored.", pii=Pii.PERSONAL),
)
