"""What the page's own parts share: in the browser they make nodes and set their text, and never read text as HTML."""

from typing import Final

import msgspec
import panel as pn

NODES: Final = """
const make = (tag, name, parent, text) => {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text !== undefined) node.textContent = text
  if (parent) parent.append(node)
  return node
}
const put = (node, text) => { if (node.textContent !== text) node.textContent = text }
const style = (node, name) => { if (node.className !== name) node.className = name }
const list = (parent, items, build, show) => {
  while (parent.children.length > items.length) parent.lastChild.remove()
  items.forEach((item, place) => show(parent.children[place] || parent.appendChild(build()), item, place))
}
const walk = (event, go) => {
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key]
  if (step) go(step)
}
"""


def as_json(value: object) -> str:
    """A value as JSON text."""
    return msgspec.json.encode(value).decode()


def update(part: pn.viewable.Viewable, **values: object) -> None:
    """Sets what differs from what the part shows: nothing else goes to the browser."""
    changed = {name: value for name, value in values.items() if getattr(part, name) != value}
    if changed:
        part.param.update(**changed)
