"""House tables and sentence shapes of record_extraction.

The tables are the house conventions: the task's instruction does not give them, the
examples show them, and the desk handbook (`documents.jsonl`) states them.
"""

# Job code -> what it stands for.
JOBS: dict[str, str] = {
    "DL": "deliver",
    "CL": "collect",
    "TR": "transfer",
    "FX": "repair",
    "LS": "loss",
}

# Spoken name of a depot -> house site code.
SITES: dict[str, tuple[str, ...]] = {
    "KLN": ("Marrowby", "the hub", "Marrowby hub"),
    "NRT": ("Pellgate", "Pellgate branch"),
    "BRG": ("Cawsley Quay", "the quay", "Cawsley"),
    "TOP": ("Oxhallow", "Oxhallow depot"),
    "MIL": ("Dunfleet", "Dunfleet counter"),
    "HTH": ("Skelbeck", "Skelbeck yard"),
    "VIA": ("Netherlow", "Netherlow depot"),
    "FRD": ("Thornwath", "Thornwath branch"),
    "GAS": ("Harkstow", "Harkstow yard"),
    "PND": ("Ormsley Cross", "Ormsley"),
}

# Item code -> (singular, plural) names in use.
ITEMS: dict[str, tuple[tuple[str, str], ...]] = {
    "T07": (("scaffold tower", "scaffold towers"), ("alloy tower", "alloy towers")),
    "L12": (("extension ladder", "extension ladders"), ("triple ladder", "triple ladders")),
    "L30": (("stepladder", "stepladders"), ("platform step", "platform steps")),
    "C15": (("plate compactor", "plate compactors"), ("vibrating plate", "vibrating plates")),
    "D40": (("dehumidifier", "dehumidifiers"), ("damp dryer", "damp dryers")),
    "H22": (("fan heater", "fan heaters"), ("blow heater", "blow heaters")),
    "G61": (("generator", "generators"), ("genny", "gennies")),
    "F18": (("floodlight", "floodlights"), ("site light", "site lights")),
    "B05": (("crowd barrier", "crowd barriers"), ("barrier panel", "barrier panels")),
    "E33": (("folding chair", "folding chairs"), ("event chair", "event chairs")),
    "E34": (("trestle table", "trestle tables"), ("trestle", "trestles")),
    "S09": (("rigger glove", "rigger gloves"), ("work glove", "work gloves")),
    "X02": (("ground anchor", "ground anchors"), ("marquee stake", "marquee stakes")),
    "R26": (("cable ramp", "cable ramps"), ("cable protector", "cable protectors")),
}

# Items that are counted in bulk; the others come in small numbers.
BULK_ITEMS = ("B05", "E33", "E34", "S09", "X02", "R26", "F18", "H22")

# Words for a quantity -> pieces.  A crate holds 24, a bundle 10, a pallet 60.
BULK_AMOUNTS: dict[str, int] = {
    "a dozen": 12,
    "two dozen": 24,
    "three dozen": 36,
    "half a dozen": 6,
    "a crate of": 24,
    "2 crates of": 48,
    "three crates of": 72,
    "a bundle of": 10,
    "two bundles of": 20,
    "4 bundles of": 40,
    "a pallet of": 60,
    "two pallets of": 120,
    "a pair of": 2,
    "four pairs of": 8,
    "ten pairs of": 20,
    "15": 15,
    "20": 20,
    "thirty": 30,
    "45": 45,
    "x50": 50,
    "eighty": 80,
}
SMALL_AMOUNTS: dict[str, int] = {
    "a": 1,
    "one": 1,
    "two": 2,
    "2": 2,
    "a pair of": 2,
    "three": 3,
    "3": 3,
    "four": 4,
    "x5": 5,
    "half a dozen": 6,
    "six": 6,
    "8": 8,
}

PRIORITIES: dict[str, tuple[str, ...]] = {
    "P1": ("urgent", "drop everything", "customer is stood waiting", "top of the list", "red hot"),
    "P2": ("fairly soon", "next in the queue", "normal turnaround", "fit it in this week", "medium"),
    "P3": ("no rush", "whenever there is a gap", "can wait", "when the run allows", "low"),
}

WEEKDAYS: dict[str, tuple[str, ...]] = {
    "MON": ("Monday", "Mon"),
    "TUE": ("Tuesday", "Tues"),
    "WED": ("Wednesday", "Weds"),
    "THU": ("Thursday", "Thurs"),
    "FRI": ("Friday", "Fri"),
    "SAT": ("Saturday", "Sat"),
}
DAY_PARTS: dict[str, tuple[str, ...]] = {
    "": ("",),
    "-A": (" morning", " first thing", " before noon"),
    "-P": (" afternoon", " after lunch", " end of day"),
}
MONTHS: tuple[tuple[str, str], ...] = (
    ("January", "JAN"),
    ("February", "FEB"),
    ("March", "MAR"),
    ("April", "APR"),
    ("May", "MAY"),
    ("June", "JUN"),
    ("July", "JUL"),
    ("August", "AUG"),
    ("September", "SEP"),
    ("October", "OCT"),
    ("November", "NOV"),
    ("December", "DEC"),
)

# Job code -> sentence shapes.  <goods> is amount and item, <item> the bare item with "the" or
# "their" before it, <due> a day, <when> the same after "on" or "for".
SHAPES: dict[str, tuple[str, ...]] = {
    "DL": (
        "[Please send|Send|Pls send] <goods> [out from|from] <site>{ for <due>}{, account <acct>}.{ <Pri>.}",
        "{Acct <acct>: }<goods> wanted{ <due>}, load at <site>{ - <pri>}",
        "{<Pri>. }Customer{ <acct>} would like <goods> dropped off{ on <due>}, nearest depot <site>.",
        "<site>: book <goods> out{ to <acct>}{, van on <due>}{, <pri>}.",
        "New hire{ for account <acct>}. <goods>, from <site>{, to arrive <due>}.{ <Pri>, they say.}",
        "[Can|Could] <site> get <goods> to the customer{ on <due>}?{ <Pri>.}{ A/c <acct>.}",
        "Customer{ <acct>} rang, needs <goods>{ by <due>}. <site> has stock.{ <Pri>.}",
        "order taken at <site>, <goods>{, due <due>}{ (<pri>)}{, a/c <acct>}",
        "{For <due>: }<goods> ex <site>{, charge to <acct>}{; <pri>}",
        "Load list <site>. <goods>.{ Out <due>.}{ Account <acct>.}{ <Pri>.}",
        "They have run short and want <goods>{ <due>}; <site> to supply{, <pri>}{, bill <acct>}.",
        "{<Pri>: }deliver <goods>{ <due>}{ against account <acct>}. Stock is at <site>, bay <noise>.",
        "Phone order{, <acct>}. Wants <goods>{, delivery <due>}. Gave it to <site>.{ Said <pri>.}",
        "{By <due>, }<goods> on the wagon at <site>{ for <acct>}.{ <Pri>.} Gate <noise>, ask the foreman.",
    ),
    "CL": (
        "[Pick up|Collect|Fetch] <goods> and bring back to <site>{, <due>}{. <Pri>}{. Account <acct>}.",
        "{<acct> has }finished with <goods>, return to <site>{ <due>}{, <pri>}",
        "<goods> off hire{ from <acct>}, take into <site>{ on <due>}.{ <Pri>.}",
        "{Account <acct> - }uplift <goods>{ <due>}; home depot <site>{; <pri>}.",
        "The job is over, so <goods> can come home to <site>{. Van <due>}{. <Pri>}{. A/c <acct>}.",
        "{<Pri>. }Customer wants <goods> taken away{ <due>}. Goes to <site>{, acct <acct>}.",
        "<site> van to bring in <goods>{ on <due>}{, account <acct>}{ (<pri>)}",
        "Site is closing{ <due>}: <goods> to be cleared, back into <site>.{ <Pri>.}{ <acct>.}",
        "Return for <site>. <goods>{, ready <due>}{, from <acct>}{, <pri>}. Stacked by gate <noise>.",
        "{<due>: }call at unit <noise> for <goods>, unload at <site>{. <Pri>}{. Acct <acct>}",
        "Off-hire call{ from <acct>}, <goods>, they belong to <site>.{ Ready <due>.}{ <Pri>.}",
        "{Acct <acct> }done with <goods>{ as of <due>}. [Please|Can you] get them back to <site>.{ <Pri>.}",
    ),
    "TR": (
        "Move <goods> from <from> to <site>{ <due>}.{ <Pri>.}",
        "<from> has too many, shift <goods> across to <site>{ on <due>}{, <pri>}",
        "<site> is short. <goods> to come over from <from>{ <due>}.{ <Pri>.}",
        "Stock swap: <goods>, out of <from>, into <site>{, <due>}{, <pri>}.",
        "{<Pri>: }<from> to lend <site> <goods>{, trunk run <due>}",
        "{On <due> }the night wagon takes <goods> off <from> and leaves them at <site>.{ <Pri>.}",
        "Can <from> spare <goods> for <site>?{ Needed <due>.}{ <Pri>.}",
        "<goods> at <from>, wanted at <site>{ by <due>}{ - <pri>}",
        "Depot transfer into <site>{, <due>}: <goods> ex <from>.{ <Pri>.}",
    ),
    "FX": (
        "<goods> [broken|faulty|not working] at <site>, [to|for] the workshop.{ <Pri>.}{ Wanted back <due>.}",
        "{<Pri>. }Workshop: <site> has <goods> with <fault>{, promised again for <due>}.",
        "Customer{ <acct>} brought <goods> back to <site> with <fault>.{ Fix by <due>.}{ <Pri>.}",
        "<site> report <fault> on <goods>{, <pri>}{, needed <due>}.",
        "{Acct <acct> complained: }<fault>. <goods>, <site> stock.{ <Pri>.}{ Out again <due>.}",
        "Fitter to look at <goods>, <site>: <fault>{. Visit <due>}{. <Pri>}{. A/c <acct>}",
        "Failed the bench test at <site> - <goods>, <fault>{; <pri>}{; repair by <due>}.",
        "<goods> tagged out in bay <noise>, <fault>. Depot <site>.{ <Pri>.}{ Inspect <due>.}",
        "{For <due>, }please mend <goods> at <site>. <Fault>.{ <Pri>.}",
        "<Fault> again! <goods> this time, <site> yard{, hire account <acct>}{. <Pri>}.",
        "Found at stock check <site>: <goods> with <fault>.{ Book the fitter for <due>.}{ <Pri>.}",
    ),
    "LS": (
        "<goods> missing at <site> since the count.{ <Pri>.}{ Answer by <due>.}",
        "{Account <acct> }cannot find <goods> hired from <site>{. <Pri>}{. Chase <due>}.",
        "Stolen from site{, customer <acct>}: <goods>, <site> stock.{ <Pri>.}",
        "<site> are <goods> down on the last check{, <pri>}{, recount <due>}.",
        "Write off <goods>, lost at <site>{; acct <acct>}{; <pri>}",
        "{<Pri>: }<goods> never came back to <site>{. Account <acct>}{. Bill on <due>}.",
        "Crime number taken for <goods>, <site> compound{, account <acct>}{. Insurer calls <due>}{. <Pri>}",
        "{<acct> admits }<goods> went in the river, belonged to <site>{. Invoice <due>}{. <Pri>}.",
        "Short return: <goods> not on the van{ from <acct>}. <site> to follow up{ <due>}{, <pri>}",
    ),
}

FAULTS: tuple[str, ...] = (
    "a bent frame",
    "a dead switch",
    "a split casing",
    "loose bolts",
    "a cracked foot",
    "no test tag",
    "a frayed strap",
    "a missing pin",
    "a bad weld",
    "rust on the hinge",
)
