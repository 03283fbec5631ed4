"""English."""

from __future__ import annotations

from thoth.dictation.filters.languages.language import Command, Language, phrases, words

# "That" and "this" are not among them: "I know that comma but" is dictated, "that comma" hardly.
_DETERMINERS = words("a an the my your our their its every each any another which whose or with without by")
_PREPOSITIONS = words("in on at after before during for of from over within this that these those his her what no")
_KINDS_OF_LINE = words("this that whole brand in")
_KINDS_OF_PERIOD = words(
    """this that his her same what no short long brief time trial grace notice waiting billing accounting
    reporting recovery warranty payment tax holiday transition school exam probation probationary class cooling-off
    incubation victorian jurassic edo meiji colonial ice menstrual first second third fourth fifth sixth seventh eighth
    last final free two-week two-year"""
)
_ABOUT_IT = words("of is was has had ends ended lasts lasted")
_TO_DASH = words(
    """to will must would could should can may might i we they you he she then and gotta me him mad quick meter metre
    mile yard door rainbow mrs dash"""
)
_NO_OBJECT = words(
    """to please can can't could would wouldn't you should shouldn't don't not never will and i we they he she who must
    let's just then also only doesn't didn't did cannot won't"""
)
_OBJECTS = words(
    """file files folder line word sentence paragraph part message email mail branch row column record account app
    comment post photo picture video text song code function table car idea whole off itch surface one from was is it's
    for when if before after with in on at and again too now later please"""
)

_COMMANDS = phrases(
    [
        (
            "new line | next line",
            Command(
                "break",
                "\n",
                _KINDS_OF_LINE,
                words("of items in manager managers feed break breaks"),
            ),
        ),
        (
            "newline",
            Command(
                "break",
                "\n",
                words("no not to final trailing missing add use"),
                words("character characters or"),
                careful=True,
            ),
        ),
        ("new paragraph | next paragraph", Command("break", "\n\n", words("this that whole"), words("of"))),
        (
            "comma",
            Command(
                "mark",
                ",",
                words("oxford serial missing extra trailing inverted"),
                words("of splice splices key separated delimited"),
            ),
        ),
        (
            "period",
            Command(
                "mark",
                ".",
                _KINDS_OF_PERIOD,
                _ABOUT_IT | words("drama dramas piece pieces pain instruments between"),
                doubtful=True,
            ),
        ),
        ("full stop", Command("mark", ".", words("to complete"), words("of"))),
        ("question mark", Command("mark", "?", words("big"), _ABOUT_IT | words("over"))),
        ("exclamation mark | exclamation point", Command("mark", "!", words("big"), _ABOUT_IT)),
        (
            "colon",
            Command(
                "mark",
                ":",
                words("sigmoid transverse"),
                _ABOUT_IT | words("cancer polyp polyps surgery cleanse"),
                doubtful=True,
            ),
        ),
        ("semicolon | semi-colon | semi colon", Command("mark", ";", not_before=_ABOUT_IT)),
        ("open quote | open quotes | begin quote", Command("open", '"')),
        ("close quote | close quotes | end quote | unquote", Command("close", '"')),
        ("open parenthesis | open parentheses | open bracket | open paren", Command("open", "(")),
        ("close parenthesis | close parentheses | close bracket | close paren", Command("close", ")")),
        (
            "dash",
            Command(
                "dash",
                "–",
                _TO_DASH,
                words("""of to off into out for across through around
             home away back down up over outside inside board boards cam dash"""),
                careful=True,
            ),
        ),
        ("hyphen", Command("join", "-", not_before=_ABOUT_IT)),
        ("scratch that | delete that", Command("delete", not_after=_NO_OBJECT, not_before=_OBJECTS, careful=True)),
    ]
)

_CAPITALS = {word: word.capitalize() for word in words("monday tuesday wednesday thursday friday saturday sunday")}
# "March" and "May", "august" and "second" are words as well.
_CAPITALS |= {
    word: word.capitalize()
    for word in words("january february april june july september october november december english")
}
_CAPITALS |= {"i": "I", "i'm": "I'm", "i'll": "I'll", "i've": "I've", "i'd": "I'd"}

ENGLISH = Language(
    code="en",
    fillers=words("um umm ummm uh uhh uhhh uhm erm ermm ehm"),
    commands=_COMMANDS,
    literals=words("literal"),
    determiners=_DETERMINERS,
    prepositions=_PREPOSITIONS,
    small_words=words(
        """a an and are as at be because but by for from had has have he her his how if in into is it its my no not of
        on or our she so that the their then there they this to was we were what when where which who why will with
        would you your"""
    ),
    abbreviations=words(
        "mr mrs ms dr prof st jr sr vs etc e.g i.e approx dept est fig inc ltd co corp gen sen rep rev p.m a.m cf al"
    ),
    keep_a_comma=words("yes no yeah okay ok well hello hi hey thanks sure please right"),
    words_for_word=words("word words"),
    capitals=_CAPITALS,
)
