"""French. A no-break space stands before ; : ? ! and within « »: U+00A0 everywhere, as fonts lack the narrow one."""

from __future__ import annotations

from thoth.dictation.filters.languages.language import Command, Language, phrases, words

_DETERMINERS = words(
    """un une le la les l' ce cet cette ces mon ma mes ton ta tes son sa ses notre votre leur chaque aucun aucune quel
    quelle du au aux des ou à de en sans avec par pour"""
)
_PREPOSITIONS = words("sur dans ne n'ai n'as n'a n'est n'avons n'avez n'ont n'y n'en")
_KINDS_OF_POINT = words(
    """bon dernier premier deuxième second seul à mal mise rond tel quelque n'est n'a n'ai n'y ne faut sais est de en
    sur même rendez-vous"""
)
_ABOUT_IT = words("de d'eau du des d'un d'une où sur com fr est")
_NUMBERS = words(
    """zéro un une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt trente
    quarante cinquante soixante cent mille"""
)

_COMMANDS = phrases(
    [
        (
            "à la ligne | retour à la ligne",
            Command(
                "break",
                "\n",
                words("va vais aller allé pêche pêcher revenons passez passer"),
                words("de d'horizon d'arrivée suivante"),
                careful=True,
            ),
        ),
        ("point à la ligne", Command("break", ".\n", _KINDS_OF_POINT)),
        ("nouvelle ligne", Command("break", "\n", not_before=words("de du d'autobus pour entre vers"))),
        ("nouveau paragraphe | nouvel alinéa", Command("break", "\n\n", not_before=words("de sur"))),
        ("virgule", Command("mark", ",", not_before=words("flottante"), decimal=True)),
        ("point", Command("mark", ".", _KINDS_OF_POINT, _ABOUT_IT | _NUMBERS, decimal=True, doubtful=True)),
        ("point final", Command("mark", ".", _KINDS_OF_POINT)),
        ("point d'interrogation", Command("mark", "?", not_before=words("sur"))),
        ("point d'exclamation", Command("mark", "!")),
        (
            "deux points | deux-points",
            Command(
                "mark", ":", words("a ont ai avait à de en entre par sur ces nos vos leurs"), _ABOUT_IT, doubtful=True
            ),
        ),
        ("point virgule | point-virgule", Command("mark", ";")),
        ("ouvrez les guillemets | ouvrir les guillemets | ouvre les guillemets", Command("open", "«")),
        ("fermez les guillemets | fermer les guillemets | ferme les guillemets", Command("close", "»")),
        ("ouvrez la parenthèse | ouvrir la parenthèse | ouvre la parenthèse", Command("open", "(")),
        ("fermez la parenthèse | fermer la parenthèse | ferme la parenthèse", Command("close", ")")),
        ("tiret", Command("dash", "–")),
        ("trait d'union", Command("join", "-")),
        (
            "efface ça | effacez ça | supprime ça",
            Command("delete", not_after=words("et il elle je on ne pas"), careful=True),
        ),
    ]
)

FRENCH = Language(
    code="fr",
    fillers=words("euh euhh heu heuh euhm"),
    commands=_COMMANDS,
    literals=words("littéral littéralement"),
    determiners=_DETERMINERS,
    prepositions=_PREPOSITIONS,
    small_words=words(
        """à au aux avec car ce ces cette comme dans de des donc du elle en est et il ils je la le les leur lui mais
        me ne nous on ou où par pas pour qu que qui sa sans se ses si son sur tu un une vous"""
    ),
    abbreviations=words("m mm mme mlle dr pr etc cf ex p.ex av bd st ste env n° tél janv févr juil sept oct nov déc"),
    keep_a_comma=words("oui non bonjour merci bon salut"),
    words_for_word=words("mot mots"),
    numbers=_NUMBERS,
    line_after_comma_is_small=True,
    spaced_marks=";:?!",
)
