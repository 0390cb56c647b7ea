"""Training of the audio networks: speech -> phonetic posteriors -> mouth motion, in one ONNX file.

The order of the commands (each can be stopped and resumed; see ``README.md`` in this folder)::

    python -m export_tools.phonetics.align ...        # LibriSpeech: words -> phones with times
    python -m export_tools.phonetics.synth ...        # text-to-speech with exact phone times
    python -m export_tools.phonetics.pack ...         # both, packed for training
    python -m export_tools.phonetics.train_encoder ...
    python -m export_tools.phonetics.train_motion ...  # and export
"""
