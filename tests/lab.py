"""JupyterLab as a person uses it: open a notebook, write into a cell, run it, read what comes."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page

_OPEN = """async path => {
  const widget = await jupyterapp.commands.execute("docmanager:open", {path, factory: "Notebook"});
  await widget.context.ready;
  await widget.sessionContext.ready;
}"""
_KERNEL_IS_IDLE = (
    "() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.connectionStatus === 'connected'"
)
_SHOW = """async id => {
  const notebook = jupyterapp.shell.currentWidget.content;
  const index = notebook.widgets.findIndex(cell => cell.model.id === id);
  if (index < 0) throw new Error(`there is no cell ${id}`);
  notebook.activeCellIndex = index;
  notebook.deselectAll();
  await notebook.scrollToItem(index, "start");
  await notebook.widgets[index].ready;
  notebook.widgets[index].node.dataset.cellId = id;
}"""
_SUMMARY = """() => {
  const cells = jupyterapp.shell.currentWidget.content.model.toJSON().cells;
  const outputs = cells.flatMap(cell => cell.outputs ?? []);
  // Stored as PNG by the build, sent as HTML by a kernel of JupyterLab.
  const isPicture = output =>
    "image/png" in (output.data ?? {}) || String(output.data?.["text/html"] ?? "").startsWith("<img ");
  return {
    pictures: outputs.filter(isPicture).length,
    errors: outputs.filter(output => output.output_type === "error").length,
  };
}"""
_CLOSE = """async () => {
  const widget = jupyterapp.shell.currentWidget;
  await widget.sessionContext.shutdown();
  widget.dispose();
}"""


class Lab:
    """The JupyterLab at `address`, in `page`; its files lie in `folder`."""

    def __init__(self, page: Page, address: str, folder: Path) -> None:
        self.page, self.folder = page, folder
        page.goto(f"{address}/lab?reset")
        page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")

    def open(self, path: str) -> None:
        """Open a notebook and wait for its kernel."""
        self.page.evaluate(_OPEN, path)
        self.page.wait_for_function(_KERNEL_IS_IDLE, polling=200)

    def cell(self, name: str) -> Locator:
        """Bring a cell into sight and select it."""
        self.page.evaluate(_SHOW, name)
        return self.page.locator(f'.jp-Notebook:visible [data-cell-id="{name}"]')

    def outputs(self, name: str) -> Locator:
        """What stands under a cell."""
        return self.cell(name).locator(".jp-Cell-outputArea")

    def run(self, name: str) -> Locator:
        """Click into a cell and press Shift and Enter; gives its outputs, which may not be there yet."""
        cell = self.cell(name)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        return self.outputs(name)

    def write(self, name: str, source: str) -> None:
        """Replace what stands in a cell."""
        self.cell(name).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)

    def press(self, button: str) -> Locator:
        """Click on a button of the notebook's toolbar; gives the dialog that comes of it."""
        self.page.locator(".jp-NotebookPanel:visible .jp-Toolbar").get_by_text(button, exact=True).click()
        return self.page.locator(".jp-Dialog")

    def run_all(self) -> None:
        """Run every cell; comes back when the last one has ended."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")

    def summary(self) -> dict[str, int]:
        """How many pictures and how many errors the notebook's outputs hold."""
        return self.page.evaluate(_SUMMARY)

    def close(self) -> None:
        """Stop the kernel and close the notebook without saving."""
        self.page.evaluate(_CLOSE)
