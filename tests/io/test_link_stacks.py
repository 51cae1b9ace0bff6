"""Stacks are found where they lie and linked without clashes."""

from triskelion.io.link_stacks import find_stacks, link_stacks


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(path))
    return path


def test_stacks_are_looked_for_around_the_table(tmp_path):
    table = tmp_path / "project" / "Refine3D" / "job1" / "data.star"
    deep = touch(tmp_path / "project" / "Extract" / "job2" / "a.mrcs")
    beside = touch(table.parent / "b.mrcs")
    absolute = touch(tmp_path / "far" / "c.mrcs")
    names = ["Extract/job2/a.mrcs", "other/b.mrcs", str(absolute), "nowhere.mrcs"]
    assert find_stacks(names, table, None) == {names[0]: deep, names[1]: beside, names[2]: absolute}


def test_a_data_folder_is_the_only_place_to_look(tmp_path):
    table = tmp_path / "data.star"
    touch(tmp_path / "a.mrcs")
    flat = touch(tmp_path / "rawdata" / "b.mrcs")
    assert find_stacks(["a.mrcs", "Micrographs/b.mrcs"], table, tmp_path / "rawdata") == {"Micrographs/b.mrcs": flat}


def test_the_longest_remainder_of_the_path_wins(tmp_path):
    touch(tmp_path / "a.mrcs")
    right = touch(tmp_path / "day2" / "a.mrcs")
    assert find_stacks(["project/day2/a.mrcs"], tmp_path / "data.star", tmp_path) == {"project/day2/a.mrcs": right}


def test_links_keep_folders_and_do_not_clash(tmp_path):
    sources = {name: touch(tmp_path / "source" / str(place)) for place, name in enumerate(["x/a.mrcs", "../x/a.mrcs", "/x/a.mrc", "b.mrc"])}
    for _ in range(2):  # a job that is run again finds its own links
        links = link_stacks(sources, tmp_path / "images")
    assert links == {"x/a.mrcs": "x/a.mrcs", "../x/a.mrcs": "x/a-2.mrcs", "/x/a.mrc": "x/a-3.mrcs", "b.mrc": "b.mrcs"}
    for name, link in links.items():
        assert (tmp_path / "images" / link).read_text() == str(sources[name])
