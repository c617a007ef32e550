"""Looks at the page with a headless Chromium, as a reader with a keyboard and a screen reader would. Usage: page.py URL

Speaks with the test over standard input and output: it prints `ready` when it has seen the first state, and waits for a line
before it looks for the second. What is wrong is printed as `FAULT ...`; the exit status is then 1."""
import sys

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

HOSTILE = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'
faults = []


def check(what, holds):
    if not holds:
        faults.append(what)
        print("FAULT", what, flush=True)


def text(driver, selector):
    return driver.find_element(By.CSS_SELECTOR, selector).text


options = Options()
options.binary_location = "/usr/bin/chromium"
for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1000"]:
    options.add_argument(argument)
options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
wait = WebDriverWait(driver, 60)
try:
    driver.get(sys.argv[1])
    wait.until(lambda d: text(d, "#federation") == "one-machine" and text(d, "#link") == "live")

    # The first state: every stage is on the map, the round is open and in the live region.
    names = {node.get_attribute("aria-label").split(":")[0] for node in driver.find_elements(By.CSS_SELECTOR, ".node")}
    check(f"stages on the map: {names}", names == {
        "north/ingest", "north/local-train", "north/encrypt", "west/ingest", "west/local-train", "west/encrypt",
        "coordinator/aggregate", "release/publish"})
    live = driver.find_element(By.CSS_SELECTOR, "[aria-live]")
    check("the live region tells the round: " + live.text, live.text.startswith("Round 1, update"))
    check("one row of rounds", len(driver.find_elements(By.CSS_SELECTOR, "#rounds tbody tr")) == 1)
    method = text(driver, "#method")
    check("how updates come about, every choice by name: " + method, all(word in method for word in [
        "balanced", "nesterov", "weights qffl", "adapter core", "6 bits", "synchronous", "encryption full"]))
    check("what has been spent: " + text(driver, "#privacy"), "epsilon 3.2 of 8 (patient), 12.5 (cloud)" in text(driver, "#privacy"))
    took = text(driver, "#rounds tbody tr td.number")
    check("what the planner expects: " + took, took.endswith("of 12.5 s"))
    check("nothing hinders a stage: " + text(driver, "#troubles"), text(driver, "#troubles") == "Nothing.")
    check("no mark on the map", not [mark for mark in driver.find_elements(By.CSS_SELECTOR, ".node .mark") if mark.text])
    print("ready", flush=True)
    sys.stdin.readline()

    # The second: it came by itself, without a reload.
    wait.until(lambda d: "Round 2" in text(d, "#headline"))
    wait.until(lambda d: len(d.find_elements(By.CSS_SELECTOR, "#rounds tbody tr")) == 2)
    bar = driver.find_element(By.CSS_SELECTOR, "#rounds tbody tr:nth-child(2) .bar")
    check("phases are told in words: " + bar.get_attribute("aria-label"), bar.get_attribute("aria-label").startswith("compute 8.00 s"))

    # What hinders a stage: in words in a list with a heading, in the live region, on the stage by a mark and in its name.
    hindered = driver.find_elements(By.CSS_SELECTOR, "#troubles li")
    check("one hindrance: " + text(driver, "#troubles"), len(hindered) == 1)
    told = hindered[0].text if hindered else ""
    check("which, of whom, and what to do: " + told, told.startswith("west/local-train: disk: /state/<b>west</b>: its disk is full (") and told.endswith("make room there"))
    check("the list has a name", driver.find_element(By.ID, "troubles").accessible_name == "What hinders stages")
    check("the live region tells it: " + text(driver, "#headline"), "west/local-train is hindered by a full disk" in text(driver, "#headline"))
    node = driver.find_element(By.CSS_SELECTOR, ".node[aria-label^='west/local-train']")
    check("the stage's name has it: " + node.accessible_name, node.accessible_name.endswith("; disk: /state/<b>west</b>: its disk is full: make room there"))
    check("a mark and not colour alone", node.find_element(By.CSS_SELECTOR, ".mark").text == "!")
    check("no mark on the others", len([mark for mark in driver.find_elements(By.CSS_SELECTOR, ".node .mark") if mark.text]) == 1)
    cell = driver.execute_script("return [...document.querySelectorAll('#stages tbody tr')].find(row => row.cells[0].textContent === 'west/local-train').cells[3].textContent")
    check("the table has it too: " + cell, "its disk is full: make room there" in cell)

    # Texts of events are texts.
    cells = [cell.text for cell in driver.find_elements(By.CSS_SELECTOR, "#events tbody td:last-child")]
    check("the hostile text is shown as it is", any(HOSTILE in cell for cell in cells))
    check("no markup came of it", not driver.find_elements(By.CSS_SELECTOR, "main img, main script"))
    check("no script ran", driver.execute_script("return window.owned") is None)
    owners = driver.execute_script("return document.getElementById('map').textContent")
    check("an owner's name is text", "Release <b>Board" in owners)
    # The control: the same text as markup would have been found.
    driver.execute_script("const p = document.createElement('p'); p.innerHTML = arguments[0]; document.querySelector('main').append(p);", HOSTILE)
    check("the search for markup finds markup", len(driver.find_elements(By.CSS_SELECTOR, "main img, main script")) == 2)
    check("even then the policy lets no handler run", driver.execute_script("return window.owned") is None)
    driver.execute_script("document.querySelector('main').lastChild.remove()")

    # Structure: landmarks and headings in order, names for what can be operated, tables behind pictures.
    check("landmarks", all(driver.find_elements(By.CSS_SELECTOR, tag) for tag in ["header", "main", "footer", "[role=search]"]))
    levels = [int(h.tag_name[1]) for h in driver.find_elements(By.CSS_SELECTOR, "h1, h2, h3")]
    check(f"headings skip no level: {levels}", levels[0] == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:])))
    for section in driver.find_elements(By.CSS_SELECTOR, "section"):
        title = section.get_attribute("aria-labelledby")
        check(f"section {title} has a heading", bool(driver.find_elements(By.ID, title or "none")))
    for field in driver.find_elements(By.CSS_SELECTOR, "input, select"):
        check("a field has a label", bool(field.accessible_name))
    check("headers of rows and columns", driver.find_elements(By.CSS_SELECTOR, "#stages th[scope=row]") and driver.find_elements(By.CSS_SELECTOR, "#rounds th[scope=col]"))

    # The keyboard alone: Tab reaches all there is, in the page's order, and what has the focus is seen.
    body = driver.find_element(By.TAG_NAME, "body")
    driver.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    visited = []
    for _ in range(40):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        active = driver.switch_to.active_element
        if active == body:
            break
        label = active.get_attribute("aria-label") or active.get_attribute("id") or active.text or active.get_attribute("aria-labelledby")
        visited.append(label)
        seen = driver.execute_script(
            "const a = document.activeElement, r = a.querySelector('rect') || a, s = getComputedStyle(a), t = getComputedStyle(r);"
            "return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 || parseFloat(t.strokeWidth) >= 3", )
        check(f"the focus is seen on {label}", seen)
    check(f"Tab reaches everything: {visited}", len([v for v in visited if v and "/" in v]) >= 8 and "f-text" in visited and "f-level" in visited)

    # Enter on a stage shows its events alone; again, all.
    node = driver.find_element(By.CSS_SELECTOR, ".node[aria-label^='north/encrypt']")
    driver.execute_script("arguments[0].focus()", node)
    node.send_keys(Keys.ENTER)
    stages = {row.find_elements(By.TAG_NAME, "td")[1].text for row in driver.find_elements(By.CSS_SELECTOR, "#events tbody tr") if row.is_displayed()}
    check(f"events of the chosen stage alone: {stages}", stages == {"north/encrypt"})
    check("the choice is told", node.get_attribute("aria-pressed") == "true")
    node.send_keys(Keys.ENTER)
    search = driver.find_element(By.ID, "f-text")
    search.send_keys("round_released")
    shown = [row for row in driver.find_elements(By.CSS_SELECTOR, "#events tbody tr") if row.is_displayed()]
    check("the filter leaves what matches", len(shown) == 1)

    # Contrast of text against its ground (WCAG 2.2, 1.4.3), in both schemes.
    contrast = """
      const rgb = text => text.match(/[\\d.]+/g).map(Number);
      const ground = node => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] > 0.99) return c; } return [255, 255, 255]; };
      const light = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const poor = [];
      for (const node of document.querySelectorAll("h1, h2, h3, p, td, th, dt, dd, small, label, summary, svg text, li")) {
        if (!node.textContent.trim() || !node.getClientRects().length) continue;
        const style = getComputedStyle(node), ink = rgb(node instanceof SVGElement ? style.fill : style.color);
        let back = ground(node instanceof SVGElement ? node.ownerSVGElement.parentElement : node);
        const [a, b] = [light(ink), light(back)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) poor.push(node.tagName + " " + node.textContent.slice(0, 30) + " " + ratio.toFixed(2));
      }
      return poor;"""
    for scheme in ["light", "dark"]:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]})
        poor = driver.execute_script(contrast)
        check(f"contrast, {scheme}: {poor}", not poor)
    check("a reader who wants no motion gets none", driver.execute_script("pulse({path: document.querySelector('.bar'), d: 'M0 0'}); return document.querySelectorAll('animateMotion').length") == 0)

    log = [entry["message"] for entry in driver.get_log("browser") if "onerror" not in entry["message"] and "Content Security Policy" not in entry["message"]]
    check(f"the browser complains of nothing: {log}", not [message for message in log if "/x" not in message])
finally:
    driver.quit()
sys.exit(1 if faults else 0)
