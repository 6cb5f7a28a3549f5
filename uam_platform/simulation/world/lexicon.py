"""The words that fill the slots of templates, and the phrases around a statement: greetings, asks, replies, farewells.

Belongs here: plain word lists. Does not belong here: statements on a theme (``phrases``), personal data
(``personal_data``), any choice among them (``writer``).
"""

SLOTS: dict[str, tuple[str, ...]] = {
    "error": ("E_TIMEOUT", "E_SCHEMA", "E_QUOTA", "E_AUTH", "E_UPSTREAM", "E_VALIDATION"),
    "workflow": ("reporting", "importing", "sharing", "alerting"),
    "step": ("select_source", "configure", "run", "review"),
    "feature": (
        "pivot tables", "scheduled reports", "the API", "SSO", "custom fields", "forecasting", "annotations", "drill-down",
        "templates", "the data catalog", "row level security", "embedded charts", "the SQL editor", "the Slack digest",
        "the cohort builder", "geo maps", "version history", "comments", "white label", "the audit log",
    ),
    "wish": (
        "dark mode", "exports with semicolons", "weekly targets", "approval steps", "a desktop app", "offline access",
        "currency conversion", "fiscal calendars", "bulk editing", "per-row comments", "a Teams digest", "nested folders",
        "undo for imports", "alerts on missing data", "conditional formatting", "a changelog per report",
    ),
    "connector": ("Snowflake", "BigQuery", "Redshift", "HubSpot", "NetSuite", "SFTP", "Okta", "Google Sheets", "SAP", "Stripe"),
    "dataset": (
        "the sales ledger", "our product list", "customer master data", "the stock file", "shipment data", "web orders",
        "the cost centre table", "payroll totals", "store visits", "the price list", "campaign results", "returns",
    ),
    "file": (
        "orders.csv", "stock_weekly.xlsx", "customers_full.csv", "ledger.parquet", "prices-new.csv", "visits.tsv",
        "hr_export.xlsx", "campaigns.json", "returns_q.csv", "pipeline.csv",
    ),
    "report": (
        "the weekly report", "the board report", "the margin report", "our stock dashboard", "the pipeline overview",
        "the monthly close", "the churn dashboard", "the store ranking", "the cash report", "the delivery report",
    ),
    "page": ("the dashboard", "the report page", "the settings page", "the search", "the editor", "the home page"),
    "team": (
        "finance", "operations", "sales team", "controlling", "logistics team", "marketing", "data team", "warehouse team",
        "management", "IT",
    ),
    "role": ("viewer", "member", "admin", "editor"),
    "plan": ("Starter", "Team", "Business", "Enterprise"),
    "since": (
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "yesterday", "last week", "the weekend", "two days", "the last release",
        "the change of month",
    ),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "month": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
    "nth": ("second", "third", "fourth", "fifth"),
    "city": ("Lyon", "Leeds", "Porto", "Graz", "Austin", "Toronto", "Bergen", "Ghent"),
}  # fmt: skip
GREETINGS = (
    "Hi,", "Hello,", "Hi there,", "Hello team,", "Good morning,", "Hey,", "Dear support,", "hi all", "", "", "", "Hi folks,",
)  # fmt: skip
CONTEXTS = (
    "We are on the {plan} plan.", "It happens in [one|all] of our workspaces.", "I tried another browser, same result.",
    "Nothing changed on our side.", "It worked [last week|until {since}].", "Our {team} [asked me|told me] to write.",
    "[{count}|About {count}] colleagues see the same.", "I could not find it in the help pages.", "It concerns {dataset}.",
    "We use {connector} [mostly|for {dataset}].", "This was around {time}.", "I attach no screenshot but can send one.",
)  # fmt: skip
ERROR_REMARKS = (
    "The error is {error}.",
    "It says {error} [at {step}|].",
    "Code: {error}.",
    "We see {error} in the {workflow} log.",
)
ASKS = (
    "[Please have a look.|Could you check?|Any idea?]", "What should we do?", "How do we go on?", "Please [advise|let us know].",
    "Can you [confirm|look into it]?", "[Looking forward to your answer.|Thanks in advance.]", "Thanks!", "",
)  # fmt: skip
BAD_TAILS = (
    "This costs us [hours|time and money].", "[Honestly|Frankly], we are [losing patience|very disappointed].",
    "Our {team} is [annoyed|angry].", "This cannot go on.", "We expected [better|more].", "It is [the {nth} week|getting worse].",
)  # fmt: skip
ESCALATIONS = (
    "Please [raise|escalate] this to a manager [today|at once|now].",
    "I need to speak to [somebody in charge|your head of support] about {workflow}.",
    "Our management [meets {weekday}|asks daily], this must go to the next level [now|please].",
    "We ask for an escalation: {count} days without a solution is too long.",
    "If this is not treated as urgent we will [involve our account manager|call your management].",
)  # fmt: skip
NEW_CONTACTS = (
    "I have taken over from {person} and am new to this.", "{person} has left us, I am the new contact.",
    "I am new in this role and inherit the account from {person}.",
)  # fmt: skip
OPEN_REPLIES = (
    "Thank you for writing. We are looking into [this|{workflow}] and come back to you.",
    "Thanks, could you tell us when {workflow} last worked?", "We can see {error} in our logs and are checking.",
    "[Sorry for the trouble.|I am sorry about that.] Which browser do you use on {page}?",
    "We have passed this on to our engineers, [expect news by {weekday}|I keep you posted].",
    "Could you send us {file} or the first {count} rows of it?", "Have you tried {step} once more? [It may be a time-out.|]",
    "A fix for {error} has been released. Could you please try again?",
)  # fmt: skip
GOOD_REPLIES = (
    "[Thanks|Great], that [helped|did it].", "It works now, thank you [very much|for the quick help].",
    "[Perfect|Wonderful], {workflow} runs again.", "Thanks, [we will try|trying now].", "Good explanation, [all clear|understood].",
)  # fmt: skip
PLAIN_REPLIES = (
    "We will try [that|{step} again].", "Here is what we see: {error} at {time}.", "[Any news on this?|Is there an update?]",
    "It is {file}, about {rows} rows.", "We tried at {time}, [same result|partly better].", "Ok, [will do|noted].",
)  # fmt: skip
BAD_REPLIES = (
    "It still does not work, {error} [again|as before].",
    "That is [not an answer|no solution], {workflow} is [still broken|as bad as before].",
    "We have [sent that already|answered this twice].", "Still waiting, [this is the {nth} day|our {team} is blocked].",
    "[Sorry, but|Honestly,] this [takes too long|goes in circles].",
)  # fmt: skip
REOPENINGS = (
    "It still does not work.", "[The same error|{error}] is back [since {since}|this morning].",
    "Not solved: {workflow} [fails|stops] again at {step}.", "Please open this again, {report} is [still wrong|as slow as before].",
)  # fmt: skip
PRAISED = (
    "[Quick|Friendly] and [helpful|clear].",
    "Solved at once.",
    "Good help with {workflow}.",
    "Thanks, all fine.",
)
BLAMED = (
    "Took [far too long|days].", "Not solved, just closed.", "Nobody read what I wrote about {report}.", "Same answer {count} times.",
)  # fmt: skip
