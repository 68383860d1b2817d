import os

# ruleid: python.debug.django-debug
DEBUG = True
# ok: python.debug.django-debug
TEMPLATE_DEBUG = True
INSTALLED_APPS = ["django.contrib.admin"]
# ok: python.debug.django-debug
DEBUG = os.environ.get("APP_DEBUG") == "1"
# ok: python.debug.django-debug
DEBUG = False
