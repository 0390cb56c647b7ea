"""Train the audio side of the model: speech -> phonetic posteriors -> mouth motion -> one ONNX.

Order of the commands (each resumes where it stopped; see ``README.md`` in this folder)::

    python -m export_tools.phonetics.align ...        # LibriSpeech: words -> phones with times
    python -m export_tools.phonetics.synth ...        # text-to-speech with exact phone times
    python -m export_tools.phonetics.pack ...         # both, for training
    python -m export_tools.phonetics.train_encoder ...
    python -m export_tools.phonetics.train_motion ...  # and export
"""
