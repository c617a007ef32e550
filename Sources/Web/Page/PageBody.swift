/// What stands in the page before the first state comes: landmarks, headings, and the parts that the script fills.
enum PageBody {
    static let markup = """
        <a class="skip" href="#rounds-title">Skip to the rounds</a>
        <header>
          <div>
            <p class="over">Tributary</p>
            <h1 id="federation">…</h1>
            <p class="sub" id="about"></p>
            <p class="sub" id="method"></p>
            <p class="sub" id="privacy"></p>
          </div>
          <div class="right">
            <p id="link" role="status" class="pill off">connecting</p>
            <p class="sub number"><span id="clock"></span></p>
          </div>
        </header>
        <main>
          <section class="now" aria-labelledby="now-title">
            <h2 id="now-title" class="hidden">Now</h2>
            <p id="headline" aria-live="polite">…</p>
            <div class="progress" id="progress" role="progressbar" aria-label="Steps of the run's plan" aria-valuemin="0"><span></span></div>
            <dl class="tiles">
              <div><dt>Steps</dt><dd id="t-steps">–</dd></div>
              <div><dt>This round</dt><dd id="t-round">–</dd></div>
              <div><dt>AUROC</dt><dd id="t-auroc">–</dd></div>
              <div><dt>Training loss</dt><dd id="t-loss">–</dd></div>
              <div><dt>Sent</dt><dd id="t-bytes">–</dd></div>
              <div><dt>Sealed</dt><dd id="t-values">–</dd></div>
              <div><dt>Events</dt><dd id="t-events">–</dd></div>
            </dl>
          </section>
          <section class="map" aria-labelledby="map-title">
            <div class="top"><h2 id="map-title">Clouds and stages</h2>
              <p class="sub">Choose a stage to see its events alone.</p></div>
            <div id="map"></div>
            <h3>Who waits for whom</h3>
            <ul id="waits" class="plain"><li class="sub">Nobody.</li></ul>
            <h3 id="troubles-title">What hinders stages</h3>
            <ul id="troubles" class="plain" aria-labelledby="troubles-title"><li class="sub">Nothing.</li></ul>
            <details><summary>The stages as a table</summary>
              <div class="scroll" tabindex="0" role="region" aria-label="Stages"><table id="stages">
                <thead><tr><th scope="col">Stage</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">What</th>
                <th scope="col">Epoch</th><th scope="col">Events</th><th scope="col">Warnings</th></tr></thead><tbody></tbody></table></div>
            </details>
          </section>
          <section class="learning" aria-labelledby="learning-title">
            <h2 id="learning-title">Learning</h2>
            <h3>AUROC on held-out patients, by update round</h3>
            <div id="auroc"></div>
            <h3>Mean training loss of the clouds, by round</h3>
            <div id="loss"></div>
            <details><summary>The curves as tables</summary>
              <div class="scroll" tabindex="0" role="region" aria-label="Scores and losses"><table id="scores">
                <thead><tr><th scope="col">Round</th><th scope="col">What</th><th scope="col">Value</th></tr></thead><tbody></tbody></table></div>
            </details>
          </section>
          <section class="rounds" aria-labelledby="rounds-title">
            <div class="top"><h2 id="rounds-title" tabindex="-1">Rounds</h2><ul class="legend" id="legend"></ul></div>
            <div class="scroll" tabindex="0" role="region" aria-labelledby="rounds-title"><table id="rounds">
              <thead><tr><th scope="col">Round</th><th scope="col">Purpose</th><th scope="col" class="wide">Phases</th>
              <th scope="col" class="number">Took</th><th scope="col" class="number">Sent</th><th scope="col">Result</th></tr></thead>
              <tbody></tbody></table></div>
            <p id="no-rounds" class="sub">No round has been opened yet.</p>
          </section>
          <section class="matrix" aria-labelledby="matrix-title">
            <h2 id="matrix-title">Network</h2>
            <p class="sub" id="matrix-note">Bytes sent from cloud to cloud, before CURVE.</p>
            <div class="scroll" tabindex="0" role="region" aria-labelledby="matrix-title"><table id="matrix"><thead></thead><tbody></tbody></table></div>
          </section>
          <section class="events" aria-labelledby="events-title">
            <div class="top"><h2 id="events-title">Events</h2>
              <form id="filter" role="search" aria-label="Events">
                <label>Text <input id="f-text" type="search" autocomplete="off" spellcheck="false"></label>
                <label>Stage <select id="f-stage"><option value="">all</option></select></label>
                <label>Level <select id="f-level"><option value="0">all</option><option value="1">info and above</option>
                  <option value="2">warnings and errors</option><option value="3">errors</option></select></label>
              </form></div>
            <div class="scroll tall" tabindex="0" role="region" aria-labelledby="events-title"><table id="events">
              <thead><tr><th scope="col">Time</th><th scope="col">Stage</th><th scope="col" class="number">Round</th><th scope="col">Event</th>
              <th scope="col" class="wide">What</th></tr></thead><tbody></tbody></table></div>
            <p id="no-events" class="sub">No events.</p>
          </section>
        </main>
        <footer><p class="sub">Times are UTC. Everything here comes from the events that this host's stages keep; nothing leaves this machine.</p></footer>
        """
}
