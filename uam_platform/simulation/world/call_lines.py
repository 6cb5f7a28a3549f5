"""What the vendor's people say in calls and write in documents, and how calls are called.

Belongs here: plain templates (see ``phrases`` for the notation). Does not belong here: what customers say (``phrases``).
"""

TITLES: dict[str, tuple[str, ...]] = {
    "kick_off": ("Kick-off {company}", "Onboarding kick-off with {company}", "{company} x Acme: getting started"),
    "review": ("[Quarterly|Business] review {company}", "QBR {company}", "{company}: [check-in|regular review]"),
    "renewal": (
        "Renewal [talk|call] {company}",
        "{company}: contract [renewal|terms]",
        "Renewal preparation {company}",
    ),
    "escalation": ("Escalation call {company}", "{company}: open [case|issues]", "[Urgent|Ad hoc]: {company}"),
}
OPENINGS = (
    "Good [morning|afternoon], thanks for [joining|taking the time].", "Hello everybody, can you hear me well?",
    "Hi, nice to [see|hear] you again.", "Welcome, shall we start?", "Thanks for making time at short notice.",
)  # fmt: skip
AGENDAS: dict[str, tuple[str, ...]] = {
    "kick_off": ("Today I would like to go through your goals and the first [steps|weeks].", "Let us agree on who does what in the setup."),
    "review": ("I have brought the usage of the last [three months|quarter].", "Let us look back first and then at your plans."),
    "renewal": ("Your term ends in {month}, I would like to hear how you see it.", "Before we come to terms: how was the year?"),
    "escalation": ("I know that you are waiting for a solution, let us go through it.", "I have our engineers' notes on {workflow} here."),
}  # fmt: skip
QUESTIONS = (
    "How is it going with {feature}?", "What does your {team} say?", "Is there anything that [slows you down|is in your way]?",
    "What [would help|matters] most to you [now|this quarter]?", "How do you use {workflow} at the moment?", "And what about {connector}?",
    "Who else works with {report}?", "What are your plans for {month}?", "[Tell me more.|Could you say more about it?]",
)  # fmt: skip
NODS = (
    "I see.", "Understood, I note that.", "Thank you for being open.", "Right.", "I take that to our [engineers|product team].",
    "Good to hear.", "That makes sense.", "Let me check that for you.",
)  # fmt: skip
FILLERS = (
    "Let me share my screen.", "Sorry, I was on mute.", "One moment, somebody is at the door.", "We have {count} people on {feature} now.",
    "Our {team} meets on {weekday}.", "Last year we looked at {dataset} by hand.", "Yes.", "Exactly.", "I would have to ask our {team}.",
)  # fmt: skip
CLOSINGS = (
    "I send you the notes [today|by {weekday}].", "Let us talk again in {month}.", "Thank you all, have a good day.",
    "I set up a [follow-up|session] with {team}.",
)  # fmt: skip
DOCUMENT_TITLES: dict[str, tuple[str, ...]] = {
    "research": (
        "Customer interview: {company}",
        "Research notes on {feature} ({company})",
        "Field study {month}: {company}",
    ),
    "implementation_notes": (
        "Implementation notes {company}",
        "Setup of {connector} at {company}",
        "Rollout plan {company}",
    ),
    "transcript": ("Transcript of the [visit|meeting] at {company}", "Meeting minutes {company}, {month}"),
    "contract_note": (
        "Note on the contract of {company}",
        "Terms under discussion with {company}",
        "Commercial note {company}",
    ),
}
DOCUMENT_OPENINGS: dict[str, tuple[str, ...]] = {
    "research": (
        "We spoke with {count} people of {company} about {feature} and {workflow}. Two of them use it every {weekday}.",
        "This is part of our study of {feature}. {company} works with {dataset} and about {rows} rows.",
    ),
    "implementation_notes": (
        "{company} connects {connector} first and loads {dataset} afterwards. The project has {count} participants.",
        "Scope: {workflow}, {report} and {feature}. The data comes from {connector}, about {rows} rows a day.",
    ),
    "transcript": (
        "Present: the {team} of {company} and our account team. The meeting took {minutes}.",
        "Notes were taken during the visit in {city}; quotes are as spoken.",
    ),
    "contract_note": (
        "The contract of {company} is on the {plan} plan. Their {team} handles it.",
        "Summary of the talks with the {team} of {company}. Nothing here is agreed yet.",
    ),
}
DOCUMENT_MIDDLES = (
    "The {team} works with {report} and checks {dataset} on {weekday}.", "Open points: {connector}, access for {team}, {feature}.",
    "They run {workflow} about {count} times a week. Volumes are around {rows} rows.",
    "Two colleagues were trained on {feature}; the next session is planned for {month}.", "We agreed to look at {page} together.",
)  # fmt: skip
DOCUMENT_CLOSINGS = (
    "Next steps: send the notes, check {connector}, meet again in {month}.", "To do for us: {feature}. To do for them: {dataset}.",
    "No decisions were taken. The next meeting is on a {weekday}.",
)  # fmt: skip
