"""What customers say about each theme: subjects and sentences in three tones, as templates.

Belongs here: plain template text. ``[a|b]`` is a choice, ``{slot}`` a word list of ``lexicon``. Does not belong here: which
theme is talked about and in what mood (``themes``), how a template becomes text (``writer``).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Phrases:
    """Templates of one theme: ticket subjects, and statements of an unhappy, a neutral and a content speaker."""

    subjects: tuple[str, ...]
    bad: tuple[str, ...]
    plain: tuple[str, ...]
    good: tuple[str, ...]


PHRASES: dict[str, Phrases] = {
    "import_failures": Phrases(
        ("Import fails [again|with {error}|since {since}]", "{file} [is not accepted|stops half way]",
         "[Cannot|Unable to] import {dataset}", "{error} on import"),
        ("The import of {file} [failed|broke off|stopped] with {error} [for the {nth} time|again this morning|twice in a row].",
         "We have been trying to load {dataset} since {since} and it [fails every time|never gets past {percent}].",
         "Every import of {dataset} ends in {error}, [nobody can work with last week's data|we are blocked].",
         "{error} again on {file}, and the message [tells us nothing|does not say which row is wrong]."),
        ("Our import of {file} stops with {error} after {minutes}.",
         "[Which|What] encoding does the import expect for {dataset}? We see {error} [now and then|on some files].",
         "The import of {dataset} ended at {percent}, is there a limit on the size of {file}?",
         "Could you [check|tell us] why {file} was rejected with {error}?"),
        ("The import of {dataset} [works well now|went through in {minutes}], only {file} gave {error} once.",
         "Since the change {dataset} loads without trouble, [great|that helps us a lot]."),
    ),
    "workflow_failures": Phrases(
        ("{workflow} workflow does not finish", "[Nightly|Scheduled] {workflow} run failed", "{error} in {workflow} workflow",
         "{workflow} stuck at step {step}"),
        ("The {workflow} workflow [failed|broke] at {step} with {error}, [the {nth} time this week|again].",
         "Our {team} [has no numbers|had to do it by hand] because the {workflow} workflow shows failed since {since}.",
         "{workflow} [keeps breaking|is broken] since {since}, every run ends in {error} and [we lose hours|nobody answers why].",
         "I restarted the {workflow} workflow {count} times, it dies at {step} [every single time|with {error}]."),
        ("The {workflow} workflow stopped at {step} [{time}|last night] with {error}.",
         "What does {error} mean in the {workflow} workflow?",
         "One of our {workflow} runs did not finish, [the others did|only the one of {time}]."),
        ("{workflow} runs [reliably|smoothly] for our {team}, [just one|only the run of {time}] stopped with {error}.",
         "After the fix the {workflow} workflow [finishes in {minutes}|has not failed once], thank you."),
    ),
    "slow_reports": Phrases(
        ("Reports [take very long|are slow since {since}]", "{report} needs {minutes}", "Slow report before our meeting"),
        ("{report} takes {minutes} to open, [it used to be seconds|our {team} has stopped using it].",
         "Since {since} every report is [painfully|unbearably] slow, {report} [never finishes|times out].",
         "We sat in a meeting waiting {minutes} for {report}, [that is embarrassing|not acceptable]."),
        ("{report} needs about {minutes}, is that expected for {rows} rows?",
         "Can {report} be [cached|computed at night] so that it opens faster?",
         "How can we make {report} faster? It has {count} charts and {rows} rows."),
        ("{report} opens [much faster|in a few seconds] than before, [nice|well done].",
         "Reports are quick enough for us, {report} takes a moment but [that is fine|we can live with it]."),
    ),
    "access_permissions": Phrases(
        ("[SSO|Single sign-on] login [fails|loops]", "{role} cannot see {report}", "Permission question", "Access for {team}"),
        ("Half of our {team} cannot log in through SSO since {since}, [this blocks everybody|they sit idle].",
         "{role}s [lost|no longer have] access to {report} [over night|after the last change] and nobody told us.",
         "Permissions are a mess: {role}s see [everything|nothing] and we [found no way to fix it|wrote twice about it]."),
        ("Which role does a colleague in {team} need to [edit|share] {report}?",
         "We would like to [set up|test] SSO with {connector}, what do you need from us?",
         "Can a {role} be limited to {dataset}?"),
        ("SSO [works well|was easy to set up], even our {team} had no questions.",
         "The new roles are [clear|just what we needed], {team} starts with them on {weekday}."),
    ),
    "billing": Phrases(
        ("Invoice question", "[Wrong|Unexpected] amount on the invoice", "Change of billing contact", "Invoice for {month}"),
        ("The invoice of {month} is wrong [again|for the {nth} time], it lists {count} seats more than we use.",
         "We were charged [twice|for seats we cancelled] in {month} and [nobody|no one at your side] corrects it.",
         "Our {team} refuses to pay the invoice of {month} as long as it [shows the wrong plan|is not explained]."),
        ("The invoice of {month} lists {count} seats, could you tell us which?",
         "Please send invoices to our [new accounting address|{team}] from {month} on.",
         "Can we get the invoice of {month} with our purchase order on it?"),
        ("The new invoice layout is [much clearer|good], only the address of {month} was old.",
         "Thanks for correcting {month}, [everything fits now|our {team} is happy]."),
    ),
    "missing_feature": Phrases(
        ("[Is there|Missing]: {feature}", "{feature} does not do what we need", "Feature request: {wish}"),
        ("Without {wish} the product is [of little use to us|not what we expected], we asked for it in {month}.",
         "{feature} [falls short|does not cover our case], our {team} went back to spreadsheets.",
         "We bought this for {feature} and it still cannot [handle {dataset}|do {wish}], [hard to justify|disappointing]."),
        ("Is {wish} planned? Our {team} asks for it.",
         "Can {feature} be used together with {connector}?",
         "Does {feature} support {wish}, [or is there a workaround|and from which plan on]?"),
        ("{feature} is [great|very useful], with {wish} it would be perfect.",
         "Our {team} loves {feature}, [one more idea|a small wish]: {wish}."),
    ),
    "api_limits": Phrases(
        ("API [limit|quota] reached", "429 from the API", "Rate limit too low for {connector}"),
        ("We hit the API limit every [day|hour], {connector} [stops|drops data] and our {team} gets the blame.",
         "{rows} calls a day is a joke, our sync with {connector} dies at {percent} with {error}."),
        ("What is the API limit on the {plan} plan? {connector} needs about {rows} calls a day.",
         "We see 429 answers from the API around {time}, should {connector} wait longer?",
         "Can the API quota be raised for [one week|a migration of {dataset}]?"),
        ("The API is [well documented|a pleasure], {connector} was connected in {minutes}.",
         "We build more on the API now, [it is solid|no complaints]."),
    ),
    "onboarding_setup": Phrases(
        ("[Setup|Getting started]: where do we begin?", "Stuck in setup at {step}", "First steps with {connector}"),
        ("We are [weeks|{count} days] into the setup and still stuck at {step}, [the guide does not match|nobody guides us].",
         "The setup of {connector} is [far too complicated|a maze], our {team} gave up at {step}."),
        ("We are new, what should we set up before {dataset}?",
         "I am new here and take over from a colleague, where do I find [the settings of {workflow}|who has which role]?",
         "In which order do we connect {connector} and load {dataset}?"),
        ("Setup was [easy|quick], {connector} was connected in {minutes}.",
         "We finished the setup of {connector}, [very smooth|good guide], next is {dataset}."),
    ),
    "data_quality": Phrases(
        ("Numbers [missing|differ] in {report}", "{dataset} shows wrong totals", "Duplicates in {dataset}"),
        ("{report} shows {percent} less than our own system, [we cannot trust it|our {team} stopped using it].",
         "Half of the rows of {dataset} are missing since {since}, and [it went unnoticed for days|nobody warned us].",
         "The totals in {report} are wrong [again|for {month}], that is [dangerous|the worst kind of error]."),
        ("{report} and {dataset} differ by {percent}, which one is right?",
         "After the import of {file} we count {rows} rows, we expected more.",
         "How are duplicates in {dataset} treated?"),
        ("The numbers of {report} match our own to the cent [now|since {since}].",
         "{dataset} is [clean|much better] since the new checks."),
    ),
    "integrations": Phrases(
        ("{connector} sync [error|stopped]", "Connection to {connector} lost", "[Integration|Connector] question: {connector}"),
        ("The sync with {connector} [fails|is down] since {since} with {error}, [our data is stale|we miss {rows} records].",
         "{connector} has to be reconnected every [day|week], [that is no integration|this is tiring]."),
        ("The sync with {connector} reported {error} at {time}, is something known?",
         "Can we connect a second {connector} [account|workspace]?",
         "How often is {connector} synced on the {plan} plan?"),
        ("The {connector} integration [saves us hours|works great], we plan to add another one.",
         "The sync with {connector} is back, [thanks|quick help]."),
    ),
    "training": Phrases(
        ("Training material for new users", "[Training|Webinar] for {team}", "How do I schedule a report?"),
        ("Nobody here knows how to use {feature} [since our expert left|any more], and the help pages are [thin|out of date].",
         "We asked for a training in {month} and heard nothing, {team} [cannot use it|is lost]."),
        ("Do you have training material on {feature} for {team}?",
         "How do I [schedule|share] {report} every {weekday}?",
         "Could somebody show {count} new colleagues of {team} how {feature} works?"),
        ("The webinar on {feature} was [excellent|really helpful], more of {team} want to join.",
         "The training helped {team} a lot, [thank you|we use {feature} daily now]."),
    ),
    "pricing": Phrases(
        ("Question about [plans|prices]", "[Price|Cost] of more seats", "Comparing plans"),
        ("The price [went up|is too high] for what we use, our {team} [asks what we get for it|calls it expensive].",
         "Paying for {plan} and using {percent} of it [makes no sense|is hard to defend]."),
        ("What would {count} more seats cost on the {plan} plan?",
         "What is the difference between our plan and {plan} for {feature}?",
         "Is there a discount for [non-profits|yearly payment|more than {count} seats]?"),
        ("We want to add {count} seats for {team}, please send [an offer|a quote].",
         "{plan} looks [right|good] for us as we grow, what would the change cost?"),
    ),
    "performance": Phrases(
        ("[App|Page] [very slow|freezes]", "Time-outs since {since}", "{page} does not load"),
        ("{page} [freezes|hangs] for {minutes} several times a day, [our {team} is fed up|work is impossible].",
         "Since {since} the whole app is slow, {page} [times out|needs {minutes}]."),
        ("{page} loads slowly around {time}, is there maintenance?",
         "We see time-outs on {page} from our office in {city}, other pages are fine."),
        ("{page} feels [fast|much faster] since {since}.",
         "Speed is good again, {page} opens at once."),
    ),
    "renewal_terms": Phrases(
        ("Contract [terms|question]", "Renewal in {month}", "Notice period"),
        ("Before we talk about {month} we need [answers|to see change], as it stands our {team} will not sign [again|another year].",
         "What is our notice period? [We are not sure|Our {team} doubts] that we continue after {month}.",
         "We look at alternatives before the renewal in {month}, [the value is not there|too much went wrong]."),
        ("When does our contract [end|renew], and what are the terms?",
         "Can the renewal in {month} be moved to [yearly|monthly] payment?",
         "Who at your side prepares the renewal in {month}?"),
        ("We intend to renew in {month}, could we talk about a [two|three] year term?",
         "Please prepare the renewal for {month}, we would like {count} more seats in it."),
    ),
    "support_response": Phrases(
        ("[Still waiting|No answer] since {since}", "Third time we ask", "Escalation request"),
        ("This is the {nth} time we ask about {dataset}, [nobody answers|we only get standard replies].",
         "We wait since {since} for an answer about {workflow}, [that is not support|we cannot work like this].",
         "Your support [closed|forgot] our case about {report} without [a solution|asking us]."),
        ("Is there any news on our case about {workflow}?",
         "Could you tell us who works on our question about {report}?"),
        ("Your support [was quick|solved it in {minutes}], [thanks|very good].",
         "The answer on {workflow} helped, [much appreciated|that was fast]."),
    ),
    "praise": Phrases(
        ("Thank you", "[Nice work|Great change]: {feature}", "Feedback from {team}"),
        ("{feature} is fine, the rest [less so|needs work].",),
        ("Our {team} uses {feature} every {weekday} now.", "Small feedback: {feature} does what it should."),
        ("{feature} [saves|spares] our {team} {minutes} every {weekday}, [thank you|please pass it on].",
         "The new {feature} is [excellent|a big step forward], {team} is [delighted|very happy].",
         "We showed {report} to our management and they were [impressed|delighted]."),
    ),
}  # fmt: skip
THEMES: tuple[str, ...] = tuple(PHRASES)
BUYING_THEMES = frozenset({"pricing", "renewal_terms"})
"""In these themes what a content speaker says announces a purchase."""
CONCERN_THEME = "renewal_terms"
"""In this theme what an unhappy speaker says puts the renewal in doubt."""
