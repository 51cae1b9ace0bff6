"""The way in, in a real browser: what headers it sends is its own affair."""


def test_the_printed_address_opens_once_and_then_the_cookie_does(serve, project, page):
    address = serve(project.folder.parent)
    page.goto(address)
    page.get_by_text("tri-snrnp").first.wait_for()
    assert "token" not in page.url
    page.reload()
    page.get_by_text("tri-snrnp").first.wait_for()
    page.context.clear_cookies()
    page.goto(address)
    page.get_by_text("This address has been used").wait_for()


def test_a_password_is_typed_into_a_form(serve, project, page, keep):
    page.goto(serve(project.folder.parent, password="correct horse").partition("?")[0])
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Open").click()
    page.get_by_text("This is not the password").wait_for()
    keep("refused", page)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Open").click()
    page.get_by_text("tri-snrnp").first.wait_for()
