"""Invented names and phrases: companies, people, ticket texts.

Belongs here: plain word lists. Does not belong here: any choice among them. All e-mail domains end in ``.example`` and
all phone numbers use the reserved 555-01xx range, so nothing can reach a real person.
"""

COMPANY_FIRST = (
    "Alder", "Basalt", "Cobalt", "Dorian", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper", "Kestrel", "Lumen",
    "Meridian", "Nimbus", "Orchard", "Pinnacle", "Quarry", "Ridge", "Sable", "Tundra", "Umber", "Vantage", "Willow",
    "Xenon", "Yarrow", "Zephyr", "Amber", "Birch", "Cedar", "Delta", "Everest", "Falcon", "Glacier", "Hazel", "Ivory",
)  # fmt: skip
COMPANY_SECOND = (
    "Analytics", "Biotech", "Capital", "Dynamics", "Energy", "Foods", "Group", "Health", "Industries", "Labs", "Logistics",
    "Media", "Networks", "Optics", "Partners", "Retail", "Systems", "Textiles", "Ventures", "Works", "Freight", "Motors",
)  # fmt: skip
FIRST_NAMES = (
    "Ada", "Ben", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Maya", "Noah",
    "Olga", "Priya", "Quinn", "Rosa", "Samir", "Tara", "Uma", "Viktor", "Wanda", "Xavier", "Yara", "Zoe", "Amir", "Bianca",
    "Chen", "Dara", "Emil", "Fiona", "Goran", "Hana", "Igor", "Jana",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Brandt", "Costa", "Dvorak", "Eriksen", "Fischer", "Gallo", "Haddad", "Ito", "Jensen", "Kowalski", "Lopez",
    "Moreau", "Nakamura", "Okafor", "Petrov", "Quist", "Rossi", "Silva", "Tanaka", "Ueda", "Varga", "Weber", "Xu", "Young",
    "Zieler", "Ahmed", "Bauer", "Conti", "Duarte", "Engel", "Faure", "Grant", "Holm", "Ivanova", "Jansen",
)  # fmt: skip
TITLES = ("Head of Operations", "Data Analyst", "Finance Manager", "IT Administrator", "Product Manager", "Team Lead")

TICKET_TEXTS: dict[str, tuple[tuple[str, str], ...]] = {
    "question": (
        ("How do I schedule a report?", "We would like to send the weekly report every Monday. Where is this set?"),
        ("Adding a colleague", "A colleague needs access to our workspace. What is the right role?"),
        (
            "Question about filters",
            "The date filter on the dashboard behaves differently from the report. Is it meant?",
        ),
        ("Export format", "Can exports use semicolons instead of commas?"),
    ),
    "failure": (
        ("Import fails again", "Our import stops with an error after a few minutes. Please have a look."),
        ("Workflow does not finish", "The nightly workflow shows failed and we have no report this morning."),
        ("Sync error since yesterday", "The connection to our warehouse reports a sync error."),
        ("Numbers missing after import", "The file was accepted but half of the rows are missing."),
    ),
    "incident": (
        ("Still waiting for an answer", "This is the third time we ask. We cannot work like this."),
        ("Urgent: reports unavailable", "None of our reports open. Our management meeting is tomorrow."),
        ("Escalation request", "Please raise this to a manager, we have lost two days."),
    ),
    "rollout": (
        ("Help with the new rollout", "We are bringing in another team and have questions about their permissions."),
        ("Bulk invite", "What is the best way to invite forty people at once?"),
        ("Training material", "Do you have training material for new users?"),
    ),
    "billing": (
        ("Invoice question", "The last invoice lists more seats than we use."),
        ("Change of billing contact", "Please send invoices to our new accounting address."),
    ),
}
AGENT_REPLIES = (
    "Thank you for writing. We are looking into this and come back to you.",
    "Could you tell us when this last worked?",
    "A fix has been released. Could you please try again?",
    "We have passed this on to our engineers.",
)
CUSTOMER_REPLIES = ("Thanks, we will try.", "It still does not work.", "That helped, thank you.", "Any news on this?")
END_REASONS_ACAUSAL = ("Budget cut", "Strategy change", "Moved in-house", "Other")
