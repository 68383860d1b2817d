import tarfile
import zipfile


def unpack(path, folder):
    with tarfile.open(path) as archive:
        # ruleid: python.path-traversal.tar-extractall
        archive.extractall(folder)


def unpack_some(path, folder):
    archive = tarfile.open(path)
    for member in archive.getmembers():
        # ruleid: python.path-traversal.tar-extractall
        archive.extract(member, folder)


def unpack_filtered(path, folder):
    with tarfile.open(path) as archive:
        # ok: python.path-traversal.tar-extractall
        archive.extractall(folder, filter="data")


def unzip(path, folder):
    with zipfile.ZipFile(path) as archive:
        # ok: python.path-traversal.tar-extractall
        archive.extractall(folder)
