"""The report as one page: what lies in a folder becomes one HTML file to look at.

Python gathers, the page draws. `found` says which files there are, `run` reads them into a run,
`problem` and `document` turn it into plain JSON and that into the file. Every figure of accuracy
comes from `evaluation`. The page holds step scores as whole numbers beside their labels, so that a
threshold can be moved in the browser: `assets/judging.js` counts as `evaluation.steps` does, and a
test holds the two to each other.

`assets/` has the page as hand-written HTML, CSS and JavaScript, without a library or a build step:
the scripts are joined in the order of `document.SCRIPTS`. What a model wrote reaches the page only
as compressed JSON, and the document only as text nodes. A content security policy names the hash of
the one script, so nothing else can run, and no address can be loaded.
"""
