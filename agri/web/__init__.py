"""The app: the farm in a browser, served from the farm's own computer, and from nowhere else.

* `app`: the app put together;
* `rights`: which page and command asks for which power: what is not in its table does not exist;
* `gate`: what stands before every page: hosts, sizes, rates, headers;
* `visit`: who asks, whether they may, and that a command is of our own page, and written down;
* `sessions`: who is signed in, and for how long;
* `passwords`: how passwords are kept and checked;
* `patience`: who tried too often waits;
* `signing_in`: the first owner, signing in and out, and the people of the farm;
* `neighbours`: several farms behind one address: which one a browser is in;
* `looking`: pages that only show: fields, plans, flights;
* `mixing`: what goes into the tank, read beside it;
* `outlining`: fields drawn, and drawn anew;
* `paperwork`: permits, licences, registrations and looks at the official map;
* `planning`: commands that plan: flights planned, plans reviewed;
* `pricing`: the farm's prices, and what a plan costs by them;
* `farming`: what a farmer reads: the week's work, the diary, the forecast;
* `recording`: records entered on a phone;
* `reporting`: the report of a field, and the agent's remark;
* `sprayed`: what a flight applied;
* `launching`: asking for a flight, and saying yes to it;
* `watching`: flights under way, told as they go, and the orders to stop, return, land;
* `live`: what those pages say: figures in words, with their traffic lights;
* `downloading`: tables, tracks and rasters as files, for researchers;
* `open_features`, `open_stac`: what other programs read, and `open_document`, which tells of it;
* `read_tokens`: what lets a program of somebody's read; `tokens`: where that is made and revoked;
* `forms`: what a page's form says, read into values;
* `drawing`: what the maps of the pages draw, as GeoJSON;
* `products`: maps made of photos: their pages and their tiles;
* `jobs`: work in the background: the list, one job, what came out of it;
* `uploads`: files that come piece by piece;
* `starting`: what may be begun with a map or a field;
* `field_map`: a field's map with layers, figures, and what a tap tells;
* `basemap`: the map below all maps;
* `field_table`: the table of fields with filters; fields held against one another;
* `two_dates`: one date wiped over another, or less another;
* `stress`: what changed and needs a look, and the walk there;
* `notes`: notes on maps; `obstacles`: what stands around a field;
* `charts`: legends, histograms, values over the dates, as places in a picture;
* `pages`: templates, and the words they speak; `ways`: where what was found is put right;
* `out_of_reach`: what a phone shows when the farm's computer cannot be reached;
* `static_files`: style, scripts and the map library, each by its name;
* `certificate`: a certificate made on the spot;
* `serving`: the process that listens.
"""
