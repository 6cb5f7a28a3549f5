"""Invented names: companies, people, reasons.

Belongs here: plain word lists. Does not belong here: any choice among them, what people write (``lexicon``,
``phrases``). All e-mail domains end in ``.example``, so nothing can reach a real person.
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

END_REASONS_ACAUSAL = ("Budget cut", "Strategy change", "Moved in-house", "Other")
