"""Speech with known times, and the mouth movement of clips, for training and for scoring.

====================================  ==========================================================
:mod:`.espeak`, :mod:`.hibari_timed`  speech synthesizers that report the times of their sounds
:mod:`.inventory`, :mod:`.ipa`        classes of sounds by the shape of the lips
:mod:`.synth`                         texts to synthesize
:mod:`.corpus`                        recordings and their manifests
:mod:`.augment`                       rooms and noise
:mod:`.motion_data`                   clips of talking faces, and the motion of their mouths
:mod:`.motion_score`                  agreement of a predicted opening with the real one
====================================  ==========================================================
"""
