import jinja2
from jinja2 import Environment, FileSystemLoader, select_autoescape

# ruleid: python.injection.jinja-autoescape-off
plain = Environment(loader=FileSystemLoader("templates"))
# ruleid: python.injection.jinja-autoescape-off
off = jinja2.Environment(autoescape=False)
# ok: python.injection.jinja-autoescape-off
good = Environment(loader=FileSystemLoader("templates"), autoescape=select_autoescape())
# ok: python.injection.jinja-autoescape-off
always = jinja2.Environment(autoescape=True)
