"""A trained network in the formats of others: plain torch source, ONNX, torch.export.

    layer tree --parts--> rows and blocks --definitions--> classes with parameters --source--> a file that people read
    document and weights --plain--> a module of torch's own layers --onnx, torch_export--> files for other runtimes

Each takes what `Model.preprocess` returns, any number at once.
"""
