import os
import shlex
import subprocess


def archive(folder):
    # ruleid: python.injection.shell-string
    subprocess.run(f"tar czf out.tgz {folder}", shell=True, check=True)


def remove(path):
    command = "rm -r " + path
    # ruleid: python.injection.shell-string
    os.system(command)


def listing(path):
    # ruleid: python.injection.shell-string
    return os.popen("ls -l {}".format(path)).read()


def archive_without_shell(folder):
    # ok: python.injection.shell-string
    subprocess.run(["tar", "czf", "out.tgz", "--", folder], check=True)


def remove_quoted(path):
    # ok: python.injection.shell-string
    os.system("rm -r -- " + shlex.quote(path))


def uptime():
    # ok: python.injection.shell-string
    return subprocess.check_output("uptime | cut -d, -f1", shell=True)
