"""German. Nouns are written large by the models; a filter cannot tell them."""

from __future__ import annotations

from thoth.dictation.filters.languages.language import Command, Language, phrases, words

_DETERMINERS = words(
    """ein eine einen einem einer eines der die das den dem des kein keine keinen keinem diesen diesem dieser diese
    dieses jeder jeden jedem jede jedes mein meine meinen dein deine sein seine seinen ihr ihre ihren unser unsere
    im am zum zur vom beim ins ohne oder durch hinter"""
)
_PREPOSITIONS = words("in an auf für mit nach seit vor zu über unter bei bis dieser weiterer")
_KINDS_OF_POINT = words(
    """wichtiger wichtigen wichtigste wichtigsten letzter letzten erster ersten zweiter zweiten nächster nächsten
    springende springender tiefster höchster guter weiterer weiteren wunder wunden toter tote grüner grüne halber pro
    auf von zu bis für und in unter"""
)
_NUMBERS = words(
    """null ein eins zwei zwo drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn
    siebzehn achtzehn neunzehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend"""
)

_COMMANDS = phrases(
    [
        ("neue zeile | nächste zeile", Command("break", "\n", not_before=words("mit in bitte"))),
        ("neuer absatz | nächster absatz", Command("break", "\n\n", not_before=words("mit in bitte"))),
        ("komma", Command("mark", ",", words("fehlendes null mit und für"), words("für"), decimal=True)),
        (
            "punkt",
            Command(
                "mark", ".", _KINDS_OF_POINT, _NUMBERS | words("für und der uhr com de"), decimal=True, doubtful=True
            ),
        ),
        ("fragezeichen", Command("mark", "?", words("großes"), words("hinter"))),
        ("ausrufezeichen | ausrufungszeichen", Command("mark", "!", words("großes"))),
        ("doppelpunkt", Command("mark", ":")),
        ("semikolon | strichpunkt", Command("mark", ";")),
        ("anführungszeichen auf | anführungszeichen unten", Command("open", "„")),
        ("anführungszeichen zu | anführungszeichen oben", Command("close", "“")),
        ("klammer auf", Command("open", "(")),
        ("klammer zu", Command("close", ")")),
        ("gedankenstrich", Command("dash", "–")),
        ("bindestrich", Command("join", "-", words("mit"))),
        (
            "streich das | streiche das | lösch das | lösche das",
            Command(
                "delete",
                not_after=words("bitte und ich dann nur oder"),
                not_before=words("aus von bitte nicht wort bild foto heute jetzt erst doch"),
                careful=True,
            ),
        ),
    ]
)

GERMAN = Language(
    code="de",
    # Not "um" and "er", which are words.
    fillers=words("äh ähh ähm ähmm öh öhm ehm"),
    commands=_COMMANDS,
    literals=words("wörtlich"),
    determiners=_DETERMINERS,
    prepositions=_PREPOSITIONS,
    small_words=words(
        """aber als am an auch auf aus bei bis da dann das dass dem den der die doch du ein eine einen er es für
        haben hat ich im in ist ja mit nach nicht noch nur ob oder sich sie sind so und uns von vor war
        was weil wenn wer wie wir
        wo zu zum"""
    ),
    abbreviations=words(
        """bzw ca dr prof nr str usw evtl ggf inkl exkl hr fr tel vgl z.b d.h u.a o.ä v.a mio mrd jh bspw sog st zzgl
        jan feb aug sept okt nov dez"""
    ),
    keep_a_comma=words("ja nein doch gut hallo danke bitte okay ok"),
    words_for_word=words("wort wörter"),
    numbers=_NUMBERS,
    ordinals_have_a_stop=True,
    line_after_comma_is_small=True,
    nouns_are_large=True,
)
