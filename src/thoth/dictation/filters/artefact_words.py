"""The words of `artefacts`, for all languages at once: in brackets, none of them is a word of another language."""

from __future__ import annotations

from typing import Final

from thoth.dictation.filters.languages.language import words

NOTES: Final = "♩♪♫♬🎵🎶🎼"

SOUNDS: Final = words(
    """
    applause applauding audio barking beep beeping beeps bell bells bleep breathing breathes buzzing chatter chattering
    cheer cheering cheers chime chimes chirping chuckle chuckles chuckling clapping claps clears click clicking clicks
    cough coughing coughs cries crosstalk crying exhales footsteps gasp gasps giggles giggling grunts groans hum humming
    inaudible indistinct inhales instrumental knocking laugh laughing laughs laughter mumbles murmuring music noise
    panting pause ringing rings rustling scoffs screaming screams sigh sighing sighs silence silent singing sings
    sneezes     sniffles sniffs snoring sobbing sobs speaking static swoosh thunder typing unintelligible
    whispering whispers whistles whistling whoosh yawns yelling
    applaus atmen geräusch geräusche gelächter husten hustet klatschen lachen lacht musik räuspern räuspert rauschen
    schluchzt seufzen seufzt stille unverständlich weint
    applaudissements bruit bruits inaudible musique rire rires silence soupir soupire soupirs toux tousse
    aplausos inaudible música ruido ruidos risa risas silencio suspira suspiro suspiros tos tose
    """
)

QUALIFIERS: Final = words(
    """
    a and another audience background blank blowing bright calm classical continues crowd distant door dog dramatic
    eerie electronic end ends fades faint foreign gentle guitar heavy high horn in intense jazz keyboard language light
    loud low man mouse no of off on ominous orchestral outro intro phone piano pitched playing plays quiet rock
    sad siren slow soft softly solemn somber sound sounds speech starts stops suspenseful the theme throat tense upbeat
    video wind woman
    auf der die das dramatische im ertönt hintergrund keine leise leiser ruhige sanfte sich spannungsgeladene spielt und
    avec de la le les du douce dramatique en fond public
    de del el dramática en fondo la público suave
    """
)

# Subtitles' last lines, which the model learnt to write on silence. What somebody may well dictate as a whole
# ("Thank you.", "Bye.", "Merci.", "Please subscribe.") is not here, though the model invents it too: no speech is told
# from audio.
STOCK: Final = frozenset(
    line.strip()
    for line in """
    thanks for watching
    thank you for watching
    thanks for watching and see you next time
    thank you for watching and see you next time
    thanks for watching and i ll see you in the next video
    thank you so much for watching
    thank you very much for watching
    thanks for watching please subscribe
    thanks for watching please subscribe to my channel
    thank you for watching please subscribe
    thank you for watching please subscribe to my channel
    please subscribe to my channel
    please subscribe to our channel
    don t forget to like and subscribe
    don t forget to subscribe
    subtitles by the amara org community
    subtitles by amara org
    captions by amara org
    transcribed by https otter ai
    transcription by castingwords
    transcript emily beynon
    satsang with mooji
    www mooji org
    untertitel der amara org community
    untertitel von amara org
    untertitel im auftrag des zdf 2017
    untertitel im auftrag des zdf 2018
    untertitel im auftrag des zdf 2020
    untertitel im auftrag des zdf 2021
    untertitel im auftrag des zdf für funk 2017
    untertitelung im auftrag des zdf 2021
    untertitelung des zdf 2020
    untertitelung des zdf für funk 2017
    swr 2020
    swr 2021
    copyright wdr 2020
    copyright wdr 2021
    vielen dank fürs zuschauen
    danke fürs zuschauen
    vielen dank für s zuschauen
    bis zum nächsten mal vielen dank fürs zuschauen
    sous titres réalisés par la communauté d amara org
    sous titres réalisés para la communauté d amara org
    sous titres par la communauté d amara org
    sous titrage st 501
    sous titrage société radio canada
    sous titrage fr
    merci d avoir regardé
    merci d avoir regardé cette vidéo
    merci d avoir regardé la vidéo
    n oubliez pas de vous abonner
    subtítulos realizados por la comunidad de amara org
    subtítulos por la comunidad de amara org
    subtítulos creados por la comunidad de amara org
    gracias por ver el video
    gracias por ver el vídeo
    muchas gracias por ver el video
    gracias por ver
    suscríbete al canal
    no olvides suscribirte
    """.splitlines()
    if line.strip()
)
