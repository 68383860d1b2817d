import yaml


def settings(text):
    # ruleid: python.deserialization.yaml-load
    return yaml.load(text)


def documents(text):
    # ruleid: python.deserialization.yaml-load
    return yaml.load_all(text, Loader=yaml.UnsafeLoader)


def by_position(text):
    # ruleid: python.deserialization.yaml-load
    return yaml.load(text, yaml.Loader)


def unsafe(text):
    # ruleid: python.deserialization.yaml-load
    return yaml.unsafe_load(text)


def safe(text):
    # ok: python.deserialization.yaml-load
    return yaml.safe_load(text)


def explicit(text):
    # ok: python.deserialization.yaml-load
    return yaml.load(text, Loader=yaml.SafeLoader)
