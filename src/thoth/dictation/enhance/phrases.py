"""What people and chat models say, by language: the vocabulary of the check.

None of it need be complete: words that are missing here only make the check lean on the words that were said.
"""

from __future__ import annotations

import re
from typing import Final

NUMBER_WORDS: Final = {
    "en": """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
        billion first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth twentieth
        thirtieth half quarter point percent dollar dollars euro euros pound pounds cent cents degrees celsius
        fahrenheit minus past am pm oclock th st nd rd""",
    "de": """null ein eins eine zwei drei vier fünf sechs sieben acht neun zehn elf zwölf sechzehn siebzehn zwanzig
        dreißig dreissig zig hundert tausend million millionen und komma prozent euro uhr grad halb viertel dreiviertel
        nach vor minus celsius ten ter te erste ersten""",
    "fr": """zéro un une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt
        vingts trente quarante cinquante soixante cent cents mille million pour euros heures heure virgule et
        moins quart demie""",
    "es": """cero uno un una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis
        diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés treinta cuarenta cincuenta sesenta setenta
        ochenta noventa cien ciento mil millón por euros y media cuarto menos""",
    "it": """zero uno un una due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici
        sedici diciassette diciotto diciannove venti ventuno ventidue trenta quaranta cinquanta cento mila mille euro
        ore meno quarto mezza""",
    "pt": """zero um uma dois duas três quatro cinco seis sete oito nove dez onze doze treze quatorze quinze vinte
        trinta quarenta cinquenta sessenta cem cento mil por horas""",
    "zh": "零 〇 一 二 三 四 五 六 七 八 九 十 百 千 万 两 点",
}
"""Words for numbers and for what is written as a sign beside one."""

FILLERS: Final = {
    "en": """um umm uh uhh uhm er erm ah hmm hm mm like you know i mean so well okay ok basically actually literally
        really just right yeah oh""",
    "de": "äh ähm öh hm also halt eben quasi sozusagen irgendwie ja naja na mal so ne genau",
    "fr": "euh ben bah hein genre donc voilà alors enfin quoi bon",
    "es": "eh este pues bueno osea o sea esto mmm digamos vale",
    "it": "ehm eh cioè allora tipo insomma ecco diciamo",
    "pt": "é tipo assim né então hã",
    "ja": "え あ の う ま ー っ と",
}

SPOKEN_MARKS: Final = {
    "en": """comma period full stop question mark exclamation point colon semicolon dash hyphen new line paragraph
        newline quote unquote open close bracket parenthesis bullet dot at slash""",
    "de": "komma punkt fragezeichen ausrufezeichen doppelpunkt absatz neue neuer zeile bindestrich",
    "fr": "virgule point interrogation exclamation ligne tiret",
    "es": "coma punto signo interrogación dos puntos nueva línea aparte",
}

QUESTION_WORDS: Final = {
    "en": "what whats who whos whose whom which when where wheres why how hows",
    "de": "was wer wen wem wessen welche welcher welches wann wo warum wieso weshalb wie woher wohin",
    "fr": "qui que quoi quel quelle quels quelles quand où pourquoi comment combien",
    "es": """qué quién quiénes cuál cuáles cuándo dónde cómo cuánto cuántos cuánta cuántas cual cuando donde como cuanto
        quien""",
    "it": "chi cosa quale quali quando dove perché come quanto quanti",
    "pt": "quem qual quais onde porquê quanto",
    "ru": "что кто когда где почему как какой какая какие сколько",
}

QUESTION_VERBS: Final = {
    "en": "do does did is isnt are arent was were can cant could will wont would should shall have has",
    "de": "ist sind bist hast habt haben kannst können könntest willst wollen magst weißt soll sollen",
    "fr": "est es as avez peux peut pouvez pourrais voulez sais",
    "es": "es eres tienes tiene puedes puede quieres sabes hay",
}
"""What a question for yes or no begins with."""

QUESTIONS_WITHOUT_SPACES: Final = re.compile(
    "什么|谁|哪|怎么|为什么|多少|几|吗|何|誰|どこ|いつ|なぜ|どう|いくら|ですか$|ますか$"
)

NEGATIONS: Final = {
    "en": """not never nothing nobody none nowhere neither nor cannot without dont doesnt didnt isnt arent wasnt werent
        wont wouldnt shouldnt couldnt cant hasnt havent hadnt mustnt neednt aint""",
    "de": "nicht nichts nie niemals niemand kein keine keinen keinem keiner keines ohne weder",
    "fr": "pas jamais rien aucun aucune personne sans ni",
    "es": "nunca jamás nada nadie ningún ninguna ninguno sin tampoco ni",
    "it": "non mai niente nulla nessuno nessuna senza né",
    "pt": "não nunca nada ninguém nenhum nenhuma sem nem",
    "nl": "niet niets nooit niemand geen zonder",
    "ru": "не нет ни никогда ничего никто без",
    "zh": "不 没",
}

REFUSAL: Final = re.compile(
    "|".join(
        (
            r"\b(?:i'?m|i am) (?:really |very |so )?sorry\b",
            r"\bsorry, (?:but )?i\b",
            r"\bi apologi[sz]e\b",
            r"\bas an ai\b",
            r"\bas a (?:large )?language model\b",
            r"\bi (?:can'?t|cannot|can not|won'?t|am unable to|am not able to)"
            r" (?:assist|help|comply|fulfil|process|edit|provide|do that)",
            r"\bi'm (?:unable|not able) to (?:assist|help|comply|fulfil|process|edit|provide|do that)",
            r"\btut mir (?:sehr )?leid\b",
            r"\bich kann (?:dir |ihnen )?(?:dabei|leider|das) nicht\b",
            r"\bals (?:ki|sprachmodell)\b",
            r"\bdésolée?\b",
            r"\bje ne peux pas\b",
            r"\ben tant qu'(?:ia|assistant|intelligence)\b",
            r"\blo siento\b",
            r"\bno puedo (?:ayudar|cumplir|procesar)",
            r"\bcomo (?:modelo de|una? ia|asistente)\b",
            r"\bmi dispiace\b",
            r"\bnon posso (?:aiut|soddisf)",
            r"\bdesculpe\b",
            r"\bnão posso\b",
            r"申し訳|对不起|抱歉|作为(?:一个)?(?:ai|人工智能)",
            r"\bизвините\b|\bне могу\b",
        )
    ),
    re.IGNORECASE,
)

AGREEMENT: Final = re.compile(
    r"(?:yes|no|sure|certainly|of course|absolutely|great question|ja|nein|natürlich|gerne|klar|oui|non|bien sûr|sí"
    r"|claro|por supuesto|certo|sì|certamente|sim|não|はい|いいえ|是的?|不是|да|нет)(?:[\s,.!:;,。!]|\Z)",
    re.IGNORECASE,
)
"""How answers begin."""

TAKEN_BACK: Final = re.compile(
    r"\b(?:no,? wait|wait,? no|scratch that|strike that|i mean|i meant|make that|or rather|correction|actually|sorry"
    r"|never ?mind|delete that|forget that|let me rephrase"
    r"|nein,? warte|nein,? halt|moment,? nein|ich meine|ich meinte|besser gesagt|vielmehr|quatsch|streich das|ach nein"
    r"|non,? attends|enfin non|je veux dire|plutôt|pardon|no,? espera|espera,? no|quiero decir|mejor dicho|perdón|digo"
    r"|no,? aspetta|anzi|volevo dire|não,? espera|quer dizer|aliás)\b|不对|不是|いや|じゃなくて",
    re.IGNORECASE,
)
"""How speakers take back what they just said."""


def all_words(*tables: dict[str, str]) -> frozenset[str]:
    """Return the words of all languages in `tables`."""
    return frozenset(word for table in tables for line in table.values() for word in line.split())
