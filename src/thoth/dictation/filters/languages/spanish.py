"""Spanish."""

from __future__ import annotations

from thoth.dictation.filters.languages.language import Command, Language, phrases, words

_DETERMINERS = words(
    """un una el la los las este esta ese esa aquel aquella mi tu su nuestro nuestra cada ningún ninguna algún
    alguna otro otra qué del al o ni a con de en sin por para"""
)
_PREPOSITIONS = words("sobre hasta cierto cualquier")
_NUMBERS = words(
    """cero uno una un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince veinte treinta
    cuarenta cincuenta cien mil"""
)
_KINDS_OF_POINT = words("a buen primer segundo último mejor peor gran único en de hasta cierto cualquier")
_TO_EAT = words("que no se en ella él usted quien lo de")

_COMMANDS = phrases(
    [
        ("nueva línea | línea nueva", Command("break", "\n", words("no"), words("de en"))),
        ("nuevo párrafo | párrafo nuevo", Command("break", "\n\n", not_before=words("de"))),
        ("punto y aparte", Command("break", ".\n\n")),
        ("punto y seguido | punto final", Command("mark", ".")),
        ("coma", Command("mark", ",", _TO_EAT, words("más despacio flotante"), decimal=True)),
        (
            "punto",
            Command(
                "mark", ".", _KINDS_OF_POINT, _NUMBERS | words("de com es muerto medio"), decimal=True, doubtful=True
            ),
        ),
        ("signo de interrogación | cierra interrogación | cerrar interrogación", Command("mark", "?")),
        ("signo de exclamación | cierra exclamación | cerrar exclamación", Command("mark", "!")),
        ("abre interrogación | abrir interrogación", Command("open", "¿")),
        ("abre exclamación | abrir exclamación", Command("open", "¡")),
        (
            "dos puntos",
            Command(
                "mark",
                ":",
                words("tiene tienen hay estos esos sus por de en a entre con"),
                words("de más menos"),
                doubtful=True,
            ),
        ),
        ("punto y coma", Command("mark", ";")),
        ("abre comillas | abrir comillas | abrir las comillas", Command("open", '"')),
        ("cierra comillas | cerrar comillas | cerrar las comillas", Command("close", '"')),
        ("abre paréntesis | abrir paréntesis", Command("open", "(")),
        ("cierra paréntesis | cerrar paréntesis", Command("close", ")")),
        ("raya", Command("dash", "–", words("se a"), words("de"), careful=True)),
        ("guion | guión", Command("join", "-", words("gran buen"), words("de y"))),
        ("borra eso", Command("delete", not_after=words("y por no se"), not_before=words("que de"), careful=True)),
    ]
)

SPANISH = Language(
    code="es",
    # Not "este" and "pues", which are words.
    fillers=words("eh ehh ehm em emm"),
    commands=_COMMANDS,
    literals=words("literal literalmente"),
    determiners=_DETERMINERS,
    prepositions=_PREPOSITIONS,
    small_words=words(
        """a al aunque cada como con cuando de del donde e el ella ellos en es esta este ha la las le lo los más me
        mi ni no nos o para pero por porque que se si sin sobre su sus también te tu un una y ya yo"""
    ),
    abbreviations=words("sr sra srta dr dra ud uds etc av pág núm tel aprox ej p.ej ee.uu"),
    keep_a_comma=words("sí no hola gracias bueno vale"),
    words_for_word=words("palabra palabras"),
    tags=words("eh"),
    numbers=_NUMBERS,
    line_after_comma_is_small=True,
)
