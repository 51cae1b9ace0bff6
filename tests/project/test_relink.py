import shutil

import pytest
from tests.project.image_stacks import read_images, write_images

from triskelion.errors import DataError, InputError
from triskelion.io.particle_star import read_particles, write_particles


def test_moved_images_are_linked_again(imported, raw, tmp_path):
    before = read_images(imported, "J2")
    raw.rename(tmp_path / "archive")
    with pytest.raises(DataError, match="no such file"):
        read_images(imported, "J2")
    done = imported.upkeep.relink(tmp_path / "archive")
    assert (done.n_links, done.n_tables, done.still_missing) == (2, 0, ())
    assert (read_images(imported, "J2") == before).all()
    assert "relinked 2 links" in (imported.folder / "J1" / "log.txt").read_text()
    with pytest.raises(InputError, match="no image is missing"):
        imported.upkeep.relink(tmp_path / "archive")


def test_tables_with_paths_of_their_own_are_rewritten_and_the_old_ones_kept(imported, raw, tmp_path):
    table = imported.folder / "J3" / "particles.star"
    particles = read_particles(table)
    names = [name.replace("J1/images", str(raw)) for name in particles["image_path"].tolist()]
    write_particles(table, particles.with_columns(image_path=names))
    old, before = table.read_text(), read_images(imported, "J3")
    raw.rename(tmp_path / "archive")
    done = imported.upkeep.relink(tmp_path / "archive")
    assert (done.n_links, done.n_tables) == (2, 1)
    assert (read_images(imported, "J3") == before).all()
    assert (imported.folder / "J3" / "particles.star.old").read_text() == old
    assert table.read_text() == old.replace(str(raw), str(tmp_path / "archive"))


@pytest.mark.parametrize(
    ("n_images", "box_px", "message"), [(2, 8, "it holds 2 images, image 3 is wanted"), (3, 10, "images are 10 x 10 px, wanted 8 x 8")]
)
def test_stacks_that_do_not_fit_change_nothing(imported, raw, tmp_path, n_images, box_px, message):
    raw.rename(tmp_path / "archive")
    write_images(tmp_path / "archive" / "day1" / "a.mrcs", n_images, box_px)
    with pytest.raises(DataError, match=rf"nothing is relinked:\n.*day1/a\.mrcs cannot stand for J1/images/day1/a\.mrcs.*{message}"):
        imported.upkeep.relink(tmp_path / "archive")
    assert not any(link.exists() for link in (imported.folder / "J1" / "images").rglob("*.mrcs"))


def test_a_stack_cut_short_is_refused(imported, raw, tmp_path):
    raw.rename(tmp_path / "archive")
    stack = tmp_path / "archive" / "day1" / "a.mrcs"
    stack.write_bytes(stack.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"image 3 is wanted, the file is cut short: 3 were written"):
        imported.upkeep.relink(tmp_path / "archive")


def test_what_is_not_found_is_said(imported, raw, tmp_path):
    raw.rename(tmp_path / "archive")
    shutil.rmtree(tmp_path / "archive" / "day2")
    done = imported.upkeep.relink(tmp_path / "archive")
    assert (done.n_links, done.still_missing) == (1, (str(raw / "day2" / "a.mrcs"),))
    with pytest.raises(DataError, match=r"none of 1 images is in .*elsewhere"):
        (tmp_path / "elsewhere").mkdir()
        imported.upkeep.relink(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is not a folder"):
        imported.upkeep.relink(tmp_path / "nowhere")


def test_images_that_are_still_there_can_be_left_for_a_copy(imported, raw, tmp_path):
    shutil.copytree(raw, tmp_path / "copy")
    assert imported.upkeep.relink(tmp_path / "copy", moved_from=raw).n_links == 2
    assert {link.readlink().parent.parent for link in (imported.folder / "J1" / "images").rglob("*.mrcs")} == {tmp_path / "copy"}
