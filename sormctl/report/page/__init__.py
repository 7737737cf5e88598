"""The report as one page: what lies in a folder becomes one HTML file to look at.

Python gathers, the page draws. `found` says which files there are; `shown_run` and `shown_problem`
turn them into plain JSON; `document` packs that into the file. Every figure of accuracy comes from
`evaluation`. The page holds step scores as whole numbers beside their labels, so that a threshold
can be moved in the browser: `assets/judging.js` counts as `evaluation.steps` does, and a test holds
the two to each other.

`assets/` has the page as hand-written HTML, CSS and JavaScript, without a library or a build step:
styles and scripts are joined in the order that `document` names. What a model wrote reaches the
page as compressed JSON only, and is shown as text nodes only. A content security policy names the
hashes of the style and of the script, so nothing else can run, and no address can be loaded.
"""
